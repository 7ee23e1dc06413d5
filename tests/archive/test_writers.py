"""Contract of table writers, run by every registered format, and the bytes that each of them writes."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from anomaly.archive.rows import FileRow
from anomaly.archive.writers import (
    CsvWriter,
    JsonlWriter,
    build_writer,
    open_tables,
    register_writer,
    writer_names,
)
from anomaly.atomic import check_writable
from anomaly.errors import ConfigError, UsageError

SCORES_JSONL = (
    '{"path": "a \\"b\\", c.wav", "seconds": 2.0, "score": 0.30000000000000004, "p_value": 0.3333333333333333,'
    ' "state": "ALARM", "status": "ok", "error": null, "sensor": "ok", "format": null, "per_second": ['
    '{"second": 0, "score": 0.3, "p_value": 0.25, "state": null},'
    ' {"second": 1, "score": 1e-07, "p_value": 1e-12, "state": "OK"}]}\n'
    '{"path": "d.wav", "seconds": null, "score": null, "p_value": null,'
    ' "state": null, "status": "error", "error": "is empty (0 bytes)", "sensor": null, "format": null,'
    ' "per_second": []}\n'
)
SCORES_CSV = (
    "path,seconds,score,p_value,state,status,error,sensor,format\n"
    '"a ""b"", c.wav",2.0,0.30000000000000004,0.3333333333333333,ALARM,ok,,ok,\n'
    "d.wav,,,,,error,is empty (0 bytes),,\n"
)
SECONDS_CSV = (
    "path,second,score,p_value,state\n"
    '"a ""b"", c.wav",0,0.3,0.25,\n'
    '"a ""b"", c.wav",1,1e-07,1e-12,OK\n'
)  # fmt: skip


@pytest.fixture(params=writer_names())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def content(folder: Path) -> dict[str, bytes]:
    """All files below a folder, hidden ones too."""
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_appear_when_finished(name: str, tmp_path: Path, scored: FileRow) -> None:
    writer = build_writer(name, tmp_path / "new" / "scores", per_second=True)
    writer.write(scored)
    assert all(path.startswith(".") for path in content(tmp_path))
    written = writer.finish()
    writer.discard()
    assert sorted(content(tmp_path)) == sorted(path.name for path in written)
    assert all(path.stat().st_mode & 0o777 == 0o644 for path in written)


def test_nothing_is_left_of_what_is_discarded(name: str, tmp_path: Path, scored: FileRow) -> None:
    writer = build_writer(name, tmp_path / "new" / "scores", per_second=True)
    writer.write(scored)
    writer.discard()
    writer.discard()
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_table_stays_until_the_new_one_is_whole(
    name: str, tmp_path: Path, scored: FileRow, unreadable: FileRow
) -> None:
    writer = build_writer(name, tmp_path, per_second=True)
    writer.write(scored)
    writer.finish()
    earlier = content(tmp_path)
    writer = build_writer(name, tmp_path, per_second=True)
    writer.write(unreadable)
    assert content(tmp_path).items() >= earlier.items()
    writer.discard()
    assert content(tmp_path) == earlier
    writer = build_writer(name, tmp_path, per_second=True)
    writer.write(unreadable)
    writer.finish()
    assert content(tmp_path).keys() == earlier.keys()
    assert content(tmp_path) != earlier


def test_rows_leave_memory_as_they_are_written(name: str, tmp_path: Path, scored: FileRow) -> None:
    writer = build_writer(name, tmp_path, per_second=True)
    sizes = []
    for _ in range(2):
        for number in range(2000):
            writer.write(replace(scored, path=f"{number}.wav"))
        sizes.append(min(len(data) for data in content(tmp_path).values()))
    writer.discard()
    # Nothing but the buffer of a text file waits: both halves are on disk.
    assert sizes[0] > 50_000
    assert sizes[1] == pytest.approx(2 * sizes[0], rel=0.2)


def test_a_full_disk_is_an_error_and_leaves_nothing(
    name: str, tmp_path: Path, scored: FileRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    writer = build_writer(name, tmp_path / "scores", per_second=True)
    writer.write(scored)
    with pytest.raises(ConfigError, match="cannot be written: No space left on device"):
        writer.finish()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_permission_is_refused(
    name: str, tmp_path: Path, unprivileged: Callable[[], AbstractContextManager[None]]
) -> None:
    (tmp_path / "locked").mkdir(mode=0o555)
    with unprivileged(), pytest.raises(ConfigError, match="cannot be written"):
        build_writer(name, tmp_path / "locked")


def test_a_name_that_is_no_text_keeps_its_bytes(name: str, tmp_path: Path, scored: FileRow) -> None:
    path = b"pump\xff.wav".decode("utf-8", "surrogateescape")
    writer = build_writer(name, tmp_path)
    writer.write(replace(scored, path=path, per_second=None))
    (table,) = writer.finish()
    text = table.read_text(encoding="utf-8", errors="surrogateescape")
    read = json.loads(text) if name == "jsonl" else next(csv.DictReader(text.splitlines()))
    assert os.fsencode(read["path"]) == b"pump\xff.wav"


def test_bytes_of_all_tables(tmp_path: Path, scored: FileRow, unreadable: FileRow) -> None:
    with open_tables(tmp_path, per_second=True) as tables:
        tables.write(scored)
        tables.write(unreadable)
        written = tables.finish()
    assert [path.name for path in written] == ["scores.jsonl", "scores.csv", "seconds.csv"]
    assert [path.read_text() for path in written] == [SCORES_JSONL, SCORES_CSV, SECONDS_CSV]


def test_no_table_of_seconds_without_seconds(tmp_path: Path, unreadable: FileRow) -> None:
    with open_tables(tmp_path) as tables:
        tables.write(replace(unreadable, per_second=None))
        tables.finish()
    assert sorted(content(tmp_path)) == ["scores.csv", "scores.jsonl"]


def test_no_folder_no_tables(scored: FileRow) -> None:
    with open_tables(None) as tables:
        tables.write(scored)
        assert tables.finish() == []


def interrupted_run(folder: Path, row: FileRow, error: type[BaseException]) -> None:
    with open_tables(folder, per_second=True) as tables:
        tables.write(row)
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_interrupted_run_leaves_the_folder_as_it_was(
    error: type[BaseException], tmp_path: Path, scored: FileRow
) -> None:
    (tmp_path / "scores.csv").write_text("earlier")
    for folder in (tmp_path, tmp_path / "new"):
        with pytest.raises(error):
            interrupted_run(folder, scored, error)
    assert content(tmp_path) == {"scores.csv": b"earlier"}
    assert len(list(tmp_path.iterdir())) == 1


def test_an_unknown_format_lists_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no table format 'parquet'") as caught:
        build_writer("parquet", tmp_path)
    assert caught.value.hint == "formats: jsonl, csv"


def test_another_format_is_one_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anomaly.archive.writers._REGISTRY", {"csv": CsvWriter})
    register_writer("lines", JsonlWriter)
    assert writer_names() == ("csv", "lines")
    with open_tables(tmp_path, ["lines"]) as tables:
        assert [path.name for path in tables.finish()] == ["scores.jsonl"]


def test_a_folder_that_cannot_be_is_refused_at_once(tmp_path: Path) -> None:
    check_writable(tmp_path / "not" / "yet", "--out")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        check_writable(tmp_path / "file" / "scores", "--out")
