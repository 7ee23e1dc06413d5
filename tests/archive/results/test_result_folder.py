"""Folder of Parquet parts: written in order, added to, and never mixed with rows of another model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from anomaly.archive.archive_file import ArchiveFile
from anomaly.archive.results.result_folder import ResultFolder
from anomaly.archive.results.run_settings import PartSettings, check_unused
from anomaly.archive.rows import FileRow, SecondRow
from anomaly.errors import ConfigError

SETTINGS = PartSettings({"pump": "abc"}, "student", 1.0, "mean", True)


def row(name: str, *, size: int = 10, score: float | None = 1.5) -> FileRow:
    seconds = (SecondRow(0, 0.1 + 0.2, 1 / 3, None, (0.5, 1.5)), SecondRow(1, 2.0, 0.25, "OK", (1.0, 0.0)))
    status = "error" if score is None else "ok"
    return FileRow(
        name,
        2.0,
        score,
        0.1,
        None,
        status,  # type: ignore[arg-type]
        None,
        seconds,
        "ok",
        bands=(1.0, 1.5),
        machine="pump",
        model="abc",
        size_bytes=size,
        mtime_ns=5,
    )


def file(name: str, size: int = 10) -> ArchiveFile:
    return ArchiveFile(name, size, 5, "pump")


def table(folder: Path, name: str = "files") -> list[dict[str, Any]]:
    rows = [
        r
        for path in sorted((folder / name).glob("*.parquet"))
        for r in pq.ParquetFile(path).read().to_pylist()
    ]
    return sorted(rows, key=lambda r: (r["path"], r["start_s"]))


def filled(folder: Path, *names: str) -> ResultFolder:
    result = ResultFolder(folder, SETTINGS)
    result.begin()
    result.write_part([row(name) for name in names])
    return result


def test_a_part_holds_files_and_seconds(tmp_path: Path) -> None:
    folder = filled(tmp_path, "a.wav", "b\udcff.wav")
    folder.finish()
    files, seconds = table(tmp_path), table(tmp_path, "seconds")
    assert [r["path"] for r in files] == ["a.wav", "b\\xff.wav"]
    scores = [(r["path"], r["start_s"], r["score"]) for r in seconds[:2]]
    assert scores == [("a.wav", 0.0, 0.1 + 0.2), ("a.wav", 1.0, 2.0)]

    assert (seconds[0]["bands"], seconds[0]["seconds"], files[0]["seconds"]) == ([0.5, 1.5], 1.0, 2.0)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert (manifest["finished"], manifest["parts"][0]["rows"]) == (True, 2)
    assert file("b\udcff.wav") in ResultFolder(tmp_path, SETTINGS).known()


def test_known_files_have_the_same_size_and_time(tmp_path: Path) -> None:
    filled(tmp_path, "a.wav")
    known = ResultFolder(tmp_path, SETTINGS).known()
    assert len(known) == 1
    assert file("a.wav") in known
    assert file("a.wav", 11) not in known
    assert replace(file("a.wav"), machine="fan") not in known
    assert file("b.wav") not in known


def test_files_with_errors_can_be_tried_again(tmp_path: Path) -> None:
    folder = ResultFolder(tmp_path, SETTINGS)
    folder.begin()
    folder.write_part([row("a.wav"), row("b.wav", score=None)])
    assert len(folder.known()) == 2
    assert len(folder.known(without_errors=True)) == 1


def test_a_run_that_was_killed_goes_on_after_its_last_part(tmp_path: Path) -> None:
    filled(tmp_path, "a.wav")
    (tmp_path / "files" / ".part-x").write_text("half")
    (tmp_path / "seconds" / "part-0001-000001.parquet").write_text("seconds without files")
    folder = ResultFolder(tmp_path, SETTINGS)
    folder.write_part([row("b.wav")])
    assert sorted(path.name for path in tmp_path.rglob("*part-*")) == [
        "part-0001-000000.parquet",
        "part-0001-000000.parquet",
        "part-0001-000001.parquet",
        "part-0001-000001.parquet",
    ]


def test_a_new_row_replaces_that_of_a_changed_file(tmp_path: Path) -> None:
    filled(tmp_path, "a.wav", "b.wav").finish()
    folder = ResultFolder(tmp_path, SETTINGS)
    folder.begin()
    path = folder.write_part([row("a.wav", size=99, score=7.0)])
    assert path.name == "part-0002-000000.parquet"
    # Killed here: the next start completes it.
    ResultFolder(tmp_path, SETTINGS)
    assert [(r["path"], r["score"]) for r in table(tmp_path)] == [("a.wav", 7.0), ("b.wav", 1.5)]
    assert len(table(tmp_path, "seconds")) == 4


@pytest.mark.parametrize(
    "change",
    [
        {"models": {"pump": "other"}},
        {"detector": "teacher"},
        {"false_alarms_per_day": 0.1},
        {"channel": 0},
        {"per_second": False},
    ],
)
def test_rows_of_another_model_or_setting_are_refused(change: dict[str, Any], tmp_path: Path) -> None:
    filled(tmp_path, "a.wav")
    with pytest.raises(ConfigError, match="other settings"):
        ResultFolder(tmp_path, replace(SETTINGS, **change))


def test_another_machine_may_be_added(tmp_path: Path) -> None:
    filled(tmp_path, "a.wav")
    folder = ResultFolder(tmp_path, replace(SETTINGS, models={"fan": "xyz"}))
    folder.begin()
    with pytest.raises(ConfigError):
        ResultFolder(tmp_path, replace(SETTINGS, models={"fan": "new"}))


@pytest.mark.parametrize("text", ["", "{}", '{"schema": 99}'])
def test_a_damaged_manifest_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ConfigError):
        ResultFolder(tmp_path, SETTINGS)
    with pytest.raises(ConfigError):
        check_unused(tmp_path)


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    filled(tmp_path, "a.wav")
    path = tmp_path / "files" / "part-0001-000000.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ConfigError, match="is damaged"):
        ResultFolder(tmp_path, SETTINGS)
