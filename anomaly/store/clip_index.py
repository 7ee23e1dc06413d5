"""Which clips of sound there are, and who listened to them. The files lie beside the database."""

from __future__ import annotations

import time
from collections.abc import Callable

from anomaly.store.case import iso_utc
from anomaly.store.database import Database
from anomaly.store.rows import AccessRow, ClipRow

_COLUMNS = "id, case_id, machine, begin_s, seconds, content, folder, bytes, removed_s"


class ClipIndex:
    """The clips of a site, part of ``Store``.

    Args:
        database: the open database.
        clock: UNIX seconds.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def add_clip(self, row: ClipRow) -> None:
        """Note a clip whose files are there."""
        values = (
            row.id,
            row.case_id,
            row.machine,
            row.begin_s,
            row.seconds,
            row.content,
            row.folder,
            row.bytes,
            row.removed_s,
        )
        with self._database.transaction() as connection:
            connection.execute(f"INSERT INTO clips ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

    def clips(
        self, *, case_id: str | None = None, machine: str | None = None, removed: bool = False
    ) -> list[ClipRow]:
        """Clips, oldest first: of one case, of one machine, or all; removed ones only if asked for."""
        with self._database.reading() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM clips WHERE (?1 IS NULL OR case_id = ?1)"
                " AND (?2 IS NULL OR machine = ?2) AND (?3 OR removed_s IS NULL) ORDER BY begin_s, rowid",
                (case_id, machine, removed),
            ).fetchall()
        return [ClipRow(**dict(row)) for row in rows]

    def remove_clip(self, clip_id: str) -> None:
        """Note that a clip's files are gone."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE clips SET removed_s = ? WHERE id = ?", (self._clock(), clip_id))

    def log_access(self, clip: ClipRow, who: str, how: str, note: str = "") -> None:
        """Note who gets to hear or take a clip; done before it is handed over."""
        at = iso_utc(self._clock())
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO clip_access (clip_id, case_id, time, who, how, note) VALUES (?, ?, ?, ?, ?, ?)",
                (clip.id, clip.case_id, at, who, how, note),
            )

    def accesses(self, *, case_id: str | None = None) -> list[AccessRow]:
        """Who listened, in the order it happened: to clips of one case, or to all."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT clip_id, case_id, time, who, how, note FROM clip_access"
                " WHERE (?1 IS NULL OR case_id = ?1) ORDER BY id",
                (case_id,),
            ).fetchall()
        return [AccessRow(**dict(row)) for row in rows]
