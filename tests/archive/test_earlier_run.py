"""Rows of an earlier run: kept, found by their file, and refused where the settings are others."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from anomaly.archive.archive_file import ArchiveFile
from anomaly.archive.earlier_run import (
    AddedRows,
    EarlierRows,
    ResumedScoring,
    RunSettings,
    SettingsWriter,
    earlier_rows,
)
from anomaly.archive.rows import FileRow
from anomaly.archive.writers import open_tables
from anomaly.errors import ConfigError

SETTINGS = RunSettings("0123456789ab", "student", 1.0, "mean", True, None)


def write(folder: Path, *rows: FileRow, files: set[str] | None = None) -> None:
    """Run into a folder."""
    with (
        earlier_rows(folder, SETTINGS) as earlier,
        open_tables(folder, per_second=True, others=[partial(SettingsWriter, settings=SETTINGS)]) as tables,
    ):
        added = AddedRows(tables, earlier)
        added.keep(files or {row.path for row in rows})
        for row in rows:
            added.write(row)
        added.finish()


def paths(folder: Path) -> list[str]:
    with earlier_rows(folder, SETTINGS) as earlier:
        return [row.path for row in earlier.kept(())]


def test_a_folder_without_tables(tmp_path: Path) -> None:
    for folder in (None, tmp_path, tmp_path / "new"):
        with earlier_rows(folder, SETTINGS) as earlier:
            assert list(earlier.kept(())) == []


def test_rows_are_read_as_they_were_written(tmp_path: Path, scored: FileRow) -> None:
    undecodable = replace(scored, path="b\udce9.wav")
    write(tmp_path, scored, undecodable)
    with earlier_rows(tmp_path, SETTINGS) as earlier:
        assert [earlier.row(row.path) for row in (undecodable, scored)] == [undecodable, scored]
        assert earlier.row("other.wav") is None


def test_a_second_run_adds(tmp_path: Path, scored: FileRow) -> None:
    other = replace(scored, path="other.wav")
    write(tmp_path, scored)
    write(tmp_path, replace(scored, score=9.0), other)
    assert paths(tmp_path) == [scored.path, other.path]
    with earlier_rows(tmp_path, SETTINGS) as earlier:
        assert earlier.row(scored.path) == scored
    assert (tmp_path / "scores.csv").read_text().count("\n") == 3


def test_a_file_that_failed_is_scored_again_and_kept_otherwise(
    tmp_path: Path, scored: FileRow, unreadable: FileRow
) -> None:
    write(tmp_path, unreadable)
    write(tmp_path, scored)
    assert paths(tmp_path) == [unreadable.path, scored.path]
    with earlier_rows(tmp_path, SETTINGS) as earlier:
        assert earlier.row(unreadable.path) is None
        score = ResumedScoring(lambda file: replace(scored, path=file.path), earlier)
        assert score(ArchiveFile(unreadable.path)).score == scored.score
    write(tmp_path, replace(scored, path=unreadable.path))
    assert paths(tmp_path) == [scored.path, unreadable.path]


@pytest.mark.parametrize("change", [{"detector": "teacher"}, {"model": "x"}, {"folder": "/data"}])
def test_other_settings_are_refused(change: dict[str, str], tmp_path: Path, scored: FileRow) -> None:
    write(tmp_path, scored)
    (name,) = change
    with (
        pytest.raises(ConfigError, match=f"other settings \\({name} "),
        earlier_rows(
            tmp_path,
            replace(SETTINGS, **change),  # type: ignore[arg-type]
        ),
    ):
        pass


def test_damaged_tables_are_refused(tmp_path: Path, scored: FileRow) -> None:
    write(tmp_path, scored)
    (tmp_path / "scores.jsonl").write_text('{"path"')
    with pytest.raises(ConfigError, match="is damaged"), earlier_rows(tmp_path, SETTINGS):
        pass
    (tmp_path / "scores.jsonl").unlink()
    with pytest.raises(ConfigError, match="is missing"), earlier_rows(tmp_path, SETTINGS):
        pass


def test_nothing_is_found_in_no_table() -> None:
    assert EarlierRows().row("a.wav") is None
