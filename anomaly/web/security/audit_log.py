"""Log of actions: who did what through the server, and who was refused; one JSON object a line."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from anomaly.store.cases.case import iso_utc, json_value

AUDIT_NAME = "audit.jsonl"
_LARGEST_BYTES, _KEPT_FILES = 16 * 2**20, 4
_LOG = logging.getLogger(__name__)


class AuditLog:
    """Appends to a file that only this user may read; at 16 MiB another one is begun, and four are kept.

    Args:
        path: the file.
        clock: UNIX seconds.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path, self._clock = path, clock
        self._lock = threading.Lock()

    def add(self, who: str, action: str, *, address: str, status: int, **detail: object) -> None:
        """Add one action; a disk that takes nothing is reported in the log of the server."""
        facts = {
            "time": iso_utc(self._clock()),
            "who": who,
            "action": action,
            "address": address,
            "status": status,
        }
        line = json.dumps(facts | {"detail": json_value(detail)}) + "\n"
        with self._lock:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._rotate()
                with open(os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a") as file:
                    file.write(line)
            except OSError as error:
                _LOG.error("the log of actions cannot be written: %s; %s", error, line.strip())

    def newest(self, limit: int) -> list[dict[str, object]]:
        """Return the newest entries, the newest first."""
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()[-limit:]
        except OSError:
            return []
        found = []
        for line in reversed(lines):
            try:
                found.append(json.loads(line))
            except ValueError:
                continue  # cut off by a crash
        return found

    def _rotate(self) -> None:
        if not self._path.exists() or self._path.stat().st_size < _LARGEST_BYTES:
            return
        for number in range(_KEPT_FILES - 1, 0, -1):
            older = self._path.with_suffix(f".{number}.jsonl")
            if older.exists():
                older.replace(self._path.with_suffix(f".{number + 1}.jsonl"))
        self._path.replace(self._path.with_suffix(".1.jsonl"))
