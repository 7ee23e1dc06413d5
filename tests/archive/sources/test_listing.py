"""Listing of folders, patterns, lists, archives and addresses."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import fsspec
import pytest

from anomaly.archive.archive_file import ArchiveFile
from anomaly.archive.sources.listing import ArchiveListing, ListingOptions, words_of_list
from anomaly.archive.sources.naming import MachineNames, TimePattern, machine_pattern
from anomaly.archive.sources.opening import FileOpener
from anomaly.errors import InputError, UsageError

ONE = ListingOptions(MachineNames(only="pump"))


def listed(*words: object, options: ListingOptions = ONE) -> list[ArchiveFile]:
    with ArchiveListing([str(word) for word in words], options) as listing:
        files = list(listing)
        assert len(listing) == len(files)
        return files


def read(file: ArchiveFile) -> bytes:
    with FileOpener() as opener, opener.local_path(file) as path:
        return path.read_bytes()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    for name in ("b.wav", "a/2.FLAC", "a/1.wav", "a.wav", ".hidden.wav", "notes.txt", "a/more.txt"):
        path = tmp_path / "archive" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path / "archive"


def names(files: list[ArchiveFile], folder: Path) -> list[str]:
    return [file.path.removeprefix(f"{folder}/") for file in files]


def test_folders_are_sorted_by_path(archive: Path) -> None:
    files = listed(archive)
    paths = [Path(file.path) for file in files]
    assert paths == sorted(paths)
    assert names(files, archive) == ["a/1.wav", "a/2.FLAC", "a.wav", "b.wav"]
    assert (files[0].size_bytes, files[0].machine) == (7, "pump")
    assert files[0].mtime_ns == (archive / "a/1.wav").stat().st_mtime_ns


def test_skipped_files_are_counted_by_suffix(archive: Path) -> None:
    with ArchiveListing([str(archive)], ONE) as listing:
        assert listing.skipped.message() == (
            "skipped by their names, no recordings: 2 .txt (more.txt, notes.txt), 1 hidden .wav (.hidden.wav)"
        )


def test_a_link_to_a_folder_above_ends(archive: Path) -> None:
    (archive / "a" / "loop").symlink_to(archive)
    assert len(listed(archive)) == 4


def test_patterns_and_lists(archive: Path) -> None:
    assert names(listed(archive / "a" / "*.wav"), archive) == ["a/1.wav"]
    assert names(listed(f"{archive}/**/*.wav"), archive) == ["a/1.wav", "a.wav", "b.wav"]
    assert names(listed(archive / "b.wav", archive, archive / "a.wav"), archive)[0] == "b.wav"
    assert len(listed(archive / "b.wav", archive)) == 4
    assert words_of_list(["# files\n", "\n", "a b.wav\n"]) == ["a b.wav"]


@pytest.mark.parametrize("word", ["nowhere", "*.nothing", "empty"])
def test_a_word_without_files_is_an_error(word: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError):
        listed(tmp_path / word)


def test_several_machines_and_times(archive: Path) -> None:
    (archive / "a" / "x_20250102_0304.wav").write_bytes(b"1")
    options = ListingOptions(
        MachineNames(pattern=machine_pattern("{machine}/*.wav")), TimePattern("%Y%m%d_%H%M")
    )
    with ArchiveListing([str(archive)], options) as listing:
        assert listing.machines == {"a", "archive"}
        assert [file.time is not None for file in listing] == [False, True, False, False]
        assert "of no machine (2.FLAC)" in str(listing.skipped.message())


def zipped(path: Path, *entries: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in entries:
            file.writestr(name, data)
    return path


def tarred(path: Path, mode: str, *entries: tuple[str, bytes]) -> Path:
    with tarfile.open(path, mode) as file:  # type: ignore[call-overload]
        for name, data in entries:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return path


MEMBERS = (("b/2.wav", b"two"), ("1.wav", b"one"), ("x.txt", b"no"), ("../up.wav", b"climbs"))


def test_members_of_archives(tmp_path: Path) -> None:
    archives = (
        zipped(tmp_path / "z.zip", *MEMBERS),
        tarred(tmp_path / "t.tar", "w", *MEMBERS),
        tarred(tmp_path / "g.tar.gz", "w:gz", *MEMBERS),
    )
    for path in archives:
        files = listed(path)
        found = {file.path.partition("::")[2]: file for file in files}
        assert sorted(found) == ["../up.wav", "1.wav", "b/2.wav"]
        assert "leads out of the archive" in str(found["../up.wav"].fault)
        with FileOpener() as opener:
            for file in files:
                if file.fault is None:
                    with opener.local_path(file) as copy:
                        assert copy.read_bytes() in (b"one", b"two")
                        assert copy.suffix == ".wav"
                    assert not copy.exists()
    assert len(listed(tmp_path)) == 9


def test_bombs_and_damaged_archives_are_rows_with_a_fault(tmp_path: Path) -> None:
    zipped(tmp_path / "bomb.zip", ("a.wav", bytes(100 << 20)))
    tarred(tmp_path / "bomb.tgz", "w:gz", ("a.wav", bytes(100 << 20)))
    (tmp_path / "text.zip").write_text("no archive")
    (tmp_path / "cut.tar.gz").write_bytes((tmp_path / "bomb.tgz").read_bytes()[:500])
    files = {Path(file.path.partition("::")[0]).name: file for file in listed(tmp_path)}
    assert sorted(files) == ["bomb.tgz", "bomb.zip", "cut.tar.gz", "text.zip"]
    assert "would become" in str(files["bomb.zip"].fault)
    assert "would become" in str(files["bomb.tgz"].fault)
    assert "cannot be read" in str(files["text.zip"].fault)


def test_a_member_that_is_gone_is_an_error(tmp_path: Path) -> None:
    path = tarred(tmp_path / "g.tar.gz", "w:gz", *MEMBERS)
    (file,) = (file for file in listed(path) if file.path.endswith("1.wav"))
    tarred(path, "w:gz", ("other.wav", b"x"))
    with pytest.raises(InputError, match="not in the archive any more"):
        read(file)


def test_addresses(archive: Path) -> None:
    memory = fsspec.filesystem("memory")
    for name in ("deep/1.wav", "2.wav", "x.txt"):
        memory.pipe(f"/bucket-of-test/{name}", name.encode())
    files = listed("memory://bucket-of-test")
    assert [file.path for file in files] == [
        "memory://bucket-of-test/2.wav",
        "memory://bucket-of-test/deep/1.wav",
    ]
    assert read(files[1]) == b"deep/1.wav"
    assert [file.path for file in listed("memory://bucket-of-test/2.wav")] == [
        "memory://bucket-of-test/2.wav"
    ]
    local = listed(f"file://{archive}")
    assert [file.path.removeprefix("file://") for file in local] == [file.path for file in listed(archive)]
    assert read(local[0]) == b"a/1.wav"
    with pytest.raises(InputError):
        listed("memory://nowhere-of-test")
    with pytest.raises(UsageError, match="no protocol"):
        listed("gopher-x://a")
