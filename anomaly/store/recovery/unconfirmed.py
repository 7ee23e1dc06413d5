"""Messages that no sink has confirmed yet, kept beside the database: a damaged page must not take them along.

They are in memory for the process, and as one small file each for the next one. The database decides what has become of
a message that it knows; only what it has lost is queued again, with the same key.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import re
import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from anomaly.errors import AnomalyError
from anomaly.store.outbox.message import AlertMessage

# Messages that are kept: some 10 MB.
MAX_KEPT = 4096
_FILE_NAME = re.compile(r"[0-9a-zA-Z]{1,64}")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Unconfirmed:
    """Message that is kept until each of these sinks has confirmed or refused it.

    Args:
        message: the message.
        queued_s: UNIX seconds at which it was queued.
        sinks: names of the sinks.
    """

    message: AlertMessage
    queued_s: float
    sinks: set[str]


class UnconfirmedMessages:
    """Messages that wait for their sinks. Safe to use from several threads.

    Args:
        folder: where their files lie; None to keep them in memory only.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._waiting: dict[str, Unconfirmed] = {}
        self._written: set[str] = set()

    def note(self, message: AlertMessage, queued_s: float, sinks: Collection[str]) -> None:
        """Keep a message in memory for these sinks; beyond ``MAX_KEPT`` messages it is in the database alone."""
        with self._lock:
            if sinks and (message.id in self._waiting or len(self._waiting) < MAX_KEPT):
                known = self._waiting.get(message.id)
                waiting = set(sinks) if known is None else known.sinks | set(sinks)
                # A transaction that is repeated may say more of the same case.
                self._waiting[message.id] = Unconfirmed(
                    message, known.queued_s if known else queued_s, waiting
                )

    def write(self, message_id: str) -> None:
        """Write the file of a message that is stored in the database by now, unless it was confirmed meanwhile."""
        with self._lock:
            entry = self._waiting.get(message_id)
            if self._folder is None or entry is None or message_id in self._written:
                return
            try:
                _write(self._file(self._folder, message_id), entry)
            except OSError as error:
                log.debug("a second copy of a message cannot be kept: %s", error)  # a full disk
            else:
                self._written.add(message_id)

    def write_missing(self) -> None:
        """Write the files again that were removed with their folder."""
        with self._lock:
            folder = self._folder
            lost = {key for key in self._written if folder and not self._file(folder, key).exists()}
            self._written -= lost
        for key in lost:
            self.write(key)

    def settle(self, message_id: str, sink: str) -> None:
        """Forget a message for one sink, which has confirmed or refused it."""
        with self._lock:
            entry = self._waiting.get(message_id)
            if entry is not None:
                entry.sinks.discard(sink)
                if entry.sinks:
                    return
                del self._waiting[message_id]
            self._remove(message_id)

    def forget(self, message_id: str) -> None:
        """Forget a message whose transaction was not committed."""
        with self._lock:
            self._waiting.pop(message_id, None)

    def all(self) -> list[Unconfirmed]:
        """Return what waits, in the order in which it was queued."""
        with self._lock:
            copies = [
                Unconfirmed(one.message, one.queued_s, set(one.sinks)) for one in self._waiting.values()
            ]
        return sorted(copies, key=lambda one: one.queued_s)

    def pairs(self, sinks: Iterable[str]) -> set[tuple[str, str]]:
        """Return the key of each message that waits, with each of these sinks that it waits for."""
        names = set(sinks)
        with self._lock:
            return {(key, sink) for key, one in self._waiting.items() for sink in names & one.sinks}

    def left_by_others(self) -> list[Unconfirmed]:
        """Return the messages whose files an earlier process has left."""
        if self._folder is None:
            return []
        with self._lock:
            known = {self._file(self._folder, key) for key in self._waiting}
        found = (_read(path) for path in sorted(self._folder.glob("*.json")) if path not in known)
        return [one for one in found if one is not None]

    def _remove(self, message_id: str) -> None:
        self._written.discard(message_id)
        if self._folder is not None:
            try:
                self._file(self._folder, message_id).unlink(missing_ok=True)
            except OSError as error:
                log.debug("the second copy of a message cannot be removed: %s", error)

    @staticmethod
    def _file(folder: Path, message_id: str) -> Path:
        plain = _FILE_NAME.fullmatch(message_id)
        return folder / f"{message_id if plain else hashlib.sha256(message_id.encode()).hexdigest()}.json"


def _write(path: Path, entry: Unconfirmed) -> None:
    """Write a second copy, in one call; one that is not complete is passed over when it is read.

    It waits for no disk: the first copy, in the database, survives a power cut, and this one a damaged page.
    """
    head = json.dumps({"queued_s": entry.queued_s, "sinks": sorted(entry.sinks)})
    # Joined as text: the message is text already, as the database has it.
    content = f'{head[:-1]}, "message": {entry.message.to_json()}}}'.encode()
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    try:
        file = os.open(path, flags, 0o644)
    except FileNotFoundError:  # the first makes the folder
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, flags, 0o644)
    try:
        if os.write(file, content) < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(file)


def _read(path: Path) -> Unconfirmed | None:
    try:
        fields = json.loads(path.read_bytes())
        message = AlertMessage.from_dict(fields["message"])
        return Unconfirmed(message, float(fields["queued_s"]), {str(sink) for sink in fields["sinks"]})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, AnomalyError) as error:
        log.debug("%s: no message can be read from it: %s", path, error)
        return None
