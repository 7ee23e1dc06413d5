"""Questions to the Parquet tables of an archive, answered by DuckDB without loading them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anomaly.archive.results.result_folder import FILES
from anomaly.archive.results.run_settings import MANIFEST_JSON, read_manifest
from anomaly.errors import ConfigError, InputError
from anomaly.extras import needs

_DAY_US = 86_400_000_000
# Digits differ from file to file where the cause is the same.
_CAUSE = "regexp_replace(coalesce(error, status), '[0-9]+([.][0-9]+)?', '…', 'g')"


@dataclass(frozen=True)
class DayHealth:
    """Scores of a machine on one day.

    Args:
        machine: its name.
        day: days since 1970, UTC.
        files: number of files with a score.
        median: median of their scores.
        highest: highest of them.
        alarms: number of files in ALARM.
    """

    machine: str
    day: int
    files: int
    median: float
    highest: float
    alarms: int


@dataclass(frozen=True)
class WorstFile:
    """File with a high score.

    Args:
        path: as it stands in the table.
        machine: its machine.
        time_s: beginning of the sound, seconds since 1970; None if it is not known.
        score: of the file.
        p_value: of the file.
        state: of the file.
    """

    path: str
    machine: str
    time_s: float | None
    score: float
    p_value: float
    state: str


@dataclass(frozen=True)
class Cause:
    """Reason why files were not judged.

    Args:
        status: of their rows.
        words: the reason, with its numbers left out.
        files: how many.
        example: path of one of them.
    """

    status: str
    words: str
    files: int
    example: str


class ArchiveTables:
    """Tables of a folder of scores.

    Args:
        folder: that `anomaly score --format parquet` has written.

    Raises:
        InputError: it holds no scores.
        ConfigError: DuckDB is not installed, or a table is damaged.
    """

    def __init__(self, folder: Path) -> None:
        with needs("archive"):
            import duckdb
        if read_manifest(folder) is None:
            hint = "make some with `anomaly score ARCHIVE --out FOLDER --format parquet`"
            raise InputError(f"holds no {MANIFEST_JSON}", where=folder, hint=hint)
        self._folder = folder
        # Nothing is fetched from the net.
        fixed: Any = {
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        self._database: Any = duckdb.connect(config=fixed)
        self._error: type[Exception] = duckdb.Error

    def counts(self) -> dict[str, int]:
        """Return the number of files by state, and by status where there is none."""
        rows = self._rows(
            "SELECT coalesce(state, status) AS kind, count(*) FROM rows GROUP BY kind ORDER BY kind"
        )
        return {str(kind): int(count) for kind, count in rows}

    def health(self) -> list[DayHealth]:
        """Return the scores by machine and day, in this order; files without a time are left out."""
        rows = self._rows(
            f"SELECT coalesce(machine, ''), epoch_us(time) // {_DAY_US} AS day, count(*), median(score), max(score),"
            " count(*) FILTER (state = 'ALARM') FROM rows WHERE time IS NOT NULL AND score IS NOT NULL"
            " GROUP BY 1, 2 ORDER BY 1, 2"
        )
        return [
            DayHealth(str(m), int(d), int(n), float(mid), float(top), int(a)) for m, d, n, mid, top, a in rows
        ]

    def worst(self, count: int) -> list[WorstFile]:
        """Return the files with the highest scores."""
        rows = self._rows(
            "SELECT path, coalesce(machine, ''), epoch_us(time) / 1e6, score, p_value, state FROM rows"
            f" WHERE score IS NOT NULL AND state IS NOT NULL ORDER BY score DESC, path LIMIT {int(count)}"
        )
        return [
            WorstFile(
                str(path), str(machine), None if at is None else float(at), float(score), float(p), str(state)
            )
            for path, machine, at, score, p, state in rows
        ]

    def causes(self) -> list[Cause]:
        """Return the reasons why files were not judged, the most frequent first."""
        rows = self._rows(
            f"SELECT status, {_CAUSE} AS words, count(*) AS files, min(path) FROM rows WHERE state IS NULL"
            " GROUP BY 1, 2 ORDER BY files DESC, words"
        )
        return [Cause(str(status), str(words), int(files), str(path)) for status, words, files, path in rows]

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        parts = sorted(str(path) for path in (self._folder / FILES).glob("part-*.parquet"))
        if not parts:
            raise InputError("holds no rows yet", where=self._folder)
        try:
            found = self._database.execute(f"WITH rows AS (SELECT * FROM read_parquet(?)) {query}", [parts])
            rows: list[tuple[Any, ...]] = found.fetchall()
        except self._error as error:
            raise ConfigError(f"cannot be read: {error}", where=self._folder / FILES) from error
        return rows
