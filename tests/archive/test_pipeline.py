from __future__ import annotations

import weakref
from pathlib import Path

import pytest

from anomaly.archive.executors import SerialExecutor
from anomaly.archive.pipeline import score_archive
from anomaly.archive.rows import FileRow
from anomaly.archive.writers import open_tables

FILES = [Path(f"{number}.wav") for number in range(50)]


def row_of(path: Path) -> FileRow:
    return FileRow(str(path), 1.0, 0.5, 0.25, "OK", "ok", None)


def test_every_writer_gets_every_row(tmp_path: Path) -> None:
    with open_tables(tmp_path / "a") as first, open_tables(tmp_path / "b") as second:
        counts = score_archive(FILES, row_of, [first, second], SerialExecutor())
        written = [*first.finish(), *second.finish()]
    assert counts.files == len(FILES)
    assert [len(path.read_text().splitlines()) for path in written] == [50, 51, 50, 51]


def test_no_more_than_two_rows_are_in_memory(tmp_path: Path) -> None:
    alive: weakref.WeakSet[FileRow] = weakref.WeakSet()

    def score(path: Path) -> FileRow:
        row = row_of(path)
        alive.add(row)
        return row

    most = 0

    def on_row(_counts: object) -> None:
        nonlocal most
        most = max(most, len(alive))

    with open_tables(tmp_path) as tables:
        score_archive(FILES, score, [tables], SerialExecutor(), on_row=on_row)
    assert most <= 2


def test_an_interruption_leaves_no_table(tmp_path: Path) -> None:
    def score(path: Path) -> FileRow:
        if path == FILES[20]:
            raise KeyboardInterrupt
        return row_of(path)

    with pytest.raises(KeyboardInterrupt), open_tables(tmp_path / "scores") as tables:
        score_archive(FILES, score, [tables], SerialExecutor())
    assert list(tmp_path.iterdir()) == []
