"""Folder of Parquet parts: each appears whole, so that a run can end at any moment and another one goes on.

    scores/manifest.json                       settings, and the list of parts once a run is finished
    scores/files/part-0001-000000.parquet      run 1, shard 0: one row per file
    scores/seconds/part-0001-000000.parquet    with --per-second: one row per second, written before that of the files

A part of the files that is there is done. Parts of a run are written in order: a run that goes on continues after the
last one with the same shards, and ends with the same bytes as one that was never interrupted.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from anomaly.archive.results.known_files import KnownFiles, content_keys, path_keys
from anomaly.archive.results.run_settings import (
    MANIFEST_JSON,
    PartSettings,
    ScoreManifest,
    check_same,
    read_manifest,
)
from anomaly.archive.results.schema import file_table, score_schema, second_table
from anomaly.archive.rows import FileRow
from anomaly.errors import ConfigError
from anomaly.extras import needs

FILES, SECONDS = "files", "seconds"
_KEY_COLUMNS = ["path", "machine", "size_bytes", "mtime_ns"]
_COMPRESSION = "zstd"


class ResultFolder:
    """Parquet tables of one archive.

    Args:
        folder: of the tables; it is made with the first part.
        settings: of the run.

    Raises:
        ConfigError: it holds rows of a run with other settings, or pyarrow is missing.
    """

    def __init__(self, folder: Path, settings: PartSettings) -> None:
        score_schema()
        self.folder = folder
        found = read_manifest(folder)
        if found is not None:
            check_same(folder, found.settings, settings)
            settings = replace(settings, models=found.settings.models | settings.models)
        self._manifest = ScoreManifest(settings, _run_number(found))
        self._next = 0
        _remove_unfinished(folder)
        if found is not None:
            self.drop_superseded()
            self._next = len(self._parts(f"part-{self._manifest.run:04d}-*.parquet"))

    def known(self, *, without_errors: bool = False) -> KnownFiles:
        """Return the files that have a row.

        Args:
            without_errors: leave out those that could not be scored, which are then tried again.
        """
        keys = [_keys_of(path, without_errors) for path in self._parts()]
        return KnownFiles(np.concatenate(keys) if keys else np.zeros(0, np.uint64))

    def begin(self) -> None:
        """Mark the run as begun.

        Raises:
            ConfigError: the folder cannot be written.
        """
        self._manifest.write(self.folder)

    def write_part(self, rows: Sequence[FileRow]) -> Path:
        """Write the rows of one shard.

        Raises:
            ConfigError: the folder cannot be written.
        """
        name = f"part-{self._manifest.run:04d}-{self._next:06d}.parquet"
        if self._manifest.settings.per_second:
            _write(self.folder / SECONDS / name, second_table(rows))
        path = self.folder / FILES / name
        _write(path, file_table(rows))
        self._next += 1
        return path

    def finish(self) -> Path:
        """Complete the run: rows of files that were scored anew replace the older ones, and the parts are listed.

        Raises:
            ConfigError: the folder cannot be written.
        """
        self.drop_superseded()
        parts = [_described(path, self.folder) for path in self._parts()]
        replace(self._manifest, finished=True, parts=parts).write(self.folder)
        return self.folder / MANIFEST_JSON

    def drop_superseded(self) -> None:
        """Remove rows for which a later part holds a newer one; without effect if there are none."""
        parts = self._parts()
        keys = [_paths_of(path) for path in parts]
        joined = np.concatenate(keys) if keys else np.zeros(0, np.uint64)
        if len(np.unique(joined)) == len(joined):
            return
        later: set[int] = set()
        for path, own in reversed(list(zip(parts, keys, strict=True))):
            doubled = [int(key) for key in own if int(key) in later]
            if doubled:
                self._without(path.name, set(doubled))
            later.update(int(key) for key in own)

    def _without(self, name: str, dropped: set[int]) -> None:
        for table in (SECONDS, FILES):
            path = self.folder / table / name
            if path.exists():
                found = _read(path, None)
                kept = ~np.isin(_row_paths(found), np.array(sorted(dropped), np.uint64))
                _write(path, found.filter(kept))

    def _parts(self, pattern: str = "part-*.parquet") -> list[Path]:
        return sorted((self.folder / FILES).glob(pattern))


def _run_number(found: ScoreManifest | None) -> int:
    if found is None:
        return 1
    return found.run + 1 if found.finished else found.run


def _keys_of(path: Path, without_errors: bool) -> Any:
    table = _read(path, [*_KEY_COLUMNS, "status"])
    columns = [table.column(name).to_pylist() for name in _KEY_COLUMNS]
    status = table.column("status").to_pylist()
    rows = zip(*columns, strict=True)
    return content_keys(
        row for row, one in zip(rows, status, strict=True) if not (without_errors and one == "error")
    )


def _paths_of(path: Path) -> Any:
    return _row_paths(_read(path, ["path", "machine"]))


def _row_paths(table: Any) -> Any:
    columns = (table.column(name).to_pylist() for name in ("path", "machine"))
    return path_keys(zip(*columns, strict=True))


def _read(path: Path, columns: list[str] | None) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Not `read_table`: that would take the names of folders for columns.
        return pq.ParquetFile(path).read(columns=columns)
    except (OSError, pa.ArrowException) as error:
        hint = "remove it: the same command then scores its files again"
        raise ConfigError("is damaged", where=path, hint=hint) from error


def _write(path: Path, table: Any) -> None:
    with needs("archive"):
        import pyarrow.parquet as pq
    with _appearing(path) as temporary:
        pq.write_table(table, temporary, compression=_COMPRESSION)


@contextmanager
def _appearing(path: Path) -> Iterator[Path]:
    """Yield a hidden name for a file that gets its own when the block ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-")
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            _synced(temporary)
            temporary.chmod(0o644)
            temporary.replace(path)
            _synced(path.parent)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror or error}", where=path) from error


def _synced(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove_unfinished(folder: Path) -> None:
    """Remove what a killed run left: hidden files, and seconds whose files were not written."""
    for table in (FILES, SECONDS):
        for path in (folder / table).glob(".part-*"):
            path.unlink(missing_ok=True)
    for path in folder.glob(f".{MANIFEST_JSON}.*"):
        path.unlink(missing_ok=True)
    for path in (folder / SECONDS).glob("part-*.parquet"):
        if not (folder / FILES / path.name).exists():
            path.unlink(missing_ok=True)


def _described(path: Path, folder: Path) -> dict[str, Any]:
    import pyarrow.parquet as pq

    return {
        "name": str(path.relative_to(folder)),
        "rows": pq.ParquetFile(path).metadata.num_rows,
        "bytes": path.stat().st_size,
    }
