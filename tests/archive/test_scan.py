from __future__ import annotations

from pathlib import Path

import pytest

from anomaly.archive.scan import scan
from anomaly.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.wav", "a.FLAC", "deep/er/c.ogg", "notes.txt", ".hidden/d.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def test_folders_are_searched_and_sorted(folder: Path) -> None:
    assert [str(p.relative_to(folder)) for p in scan([folder])] == ["a.FLAC", "b.wav", "deep/er/c.ogg"]


def test_a_file_of_any_name_is_included_once(folder: Path) -> None:
    paths = [folder / "notes.txt", folder / "b.wav", folder]
    assert [p.name for p in scan(paths)] == ["notes.txt", "b.wav", "a.FLAC", "c.ogg"]


def test_a_missing_path_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="there is no such file or folder") as caught:
        scan([folder, folder / "e.wav"])
    assert caught.value.where == str(folder / "e.wav")


def test_a_folder_without_audio_is_refused(folder: Path) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(InputError, match="no audio files here"):
        scan([folder / "empty"])


def test_skipped_files_are_counted_by_suffix_and_named(folder: Path) -> None:
    for name in ("b.txt", "c.TXT", "d.txt", "e.csv", "._b.wav", "README"):
        (folder / name).write_bytes(b"x")
    messages: list[str] = []
    assert len(scan([folder, folder / "b.wav"], on_skipped=messages.append)) == 3
    assert messages == [
        "skipped by their names, no recordings: 4 .txt (b.txt, c.TXT, d.txt, ...), 1 .csv (e.csv), "
        "1 hidden .wav (._b.wav), 1 without a suffix (README)"
    ]


def test_nothing_is_reported_where_nothing_is_skipped(folder: Path) -> None:
    messages: list[str] = []
    scan([folder / "deep"], on_skipped=messages.append)
    assert messages == []


def test_a_folder_of_other_files_names_them(folder: Path) -> None:
    (folder / "films").mkdir()
    (folder / "films" / "a.mp4").write_bytes(b"x")
    with pytest.raises(InputError, match=r"no audio files here .*1 \.mp4 \(a\.mp4\)"):
        scan([folder / "films"])
