"""Index of the sound clips of a site, and the log of access to them. The files lie beside the database."""

from __future__ import annotations

import time
from collections.abc import Callable

from anomaly.store.cases.case import iso_utc
from anomaly.store.database.database import Database
from anomaly.store.database.repeated import repeated_after_repair
from anomaly.store.database.rows import AccessRow, ClipRow

CLIPS_FOLDER = "clips"
"""Name of the folder of all clips beside the database; the clips in it name theirs relative to it."""
PICTURE = "spectrogram.png"
"""Name of the picture in the folder of a clip."""
_COLUMNS = "id, case_id, machine, begin_s, seconds, content, folder, bytes, removed_s"


@repeated_after_repair
class ClipIndex:
    """Clips of a site and their access log; part of ``Store``.

    Args:
        database: the open database.
        clock: UNIX seconds.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def add(self, row: ClipRow) -> None:
        """Add a clip whose files have been written."""
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

    def select(
        self, *, case_id: str | None = None, machine: str | None = None, removed: bool = False
    ) -> list[ClipRow]:
        """Return clips, oldest first: of one case, of one machine, or all; removed ones only on request."""
        with self._database.reading() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM clips WHERE (?1 IS NULL OR case_id = ?1)"
                " AND (?2 IS NULL OR machine = ?2) AND (?3 OR removed_s IS NULL) ORDER BY begin_s, rowid",
                (case_id, machine, removed),
            ).fetchall()
        return [ClipRow(**dict(row)) for row in rows]

    def remove(self, clip_id: str) -> None:
        """Record that a clip's files have been removed."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE clips SET removed_s = ? WHERE id = ?", (self._clock(), clip_id))

    def log_access(self, clip: ClipRow, who: str, how: str, note: str = "") -> None:
        """Record that somebody plays or exports a clip; called before access is granted."""
        at = iso_utc(self._clock())
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO clip_access (clip_id, case_id, time, who, how, note) VALUES (?, ?, ?, ?, ?, ?)",
                (clip.id, clip.case_id, at, who, how, note),
            )

    def accesses(self, *, case_id: str | None = None) -> list[AccessRow]:
        """Return the access log, oldest first: of the clips of one case, or of all."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT clip_id, case_id, time, who, how, note FROM clip_access"
                " WHERE (?1 IS NULL OR case_id = ?1) ORDER BY id",
                (case_id,),
            ).fetchall()
        return [AccessRow(**dict(row)) for row in rows]
