"""Sessions of people who have logged in; they survive a restart of the server, and end at once when they log out."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from anomaly.errors import AnomalyError
from anomaly.web.security.users import write_private

SESSION_S = 12 * 3_600.0
MOST_SESSIONS = 2_000
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Session:
    """Session of a user until a UNIX time.

    Args:
        name: of the user, or of the owner of the token that was used to log in.
        token: it was begun with a token; the hash of that token, else "".
        until_s: its end.
    """

    name: str
    token: str
    until_s: float


class SessionStore:
    """Sessions by the hash of their cookie, in a file of the state folder.

    Args:
        path: the file.
        clock: UNIX seconds.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path, self._clock = path, clock
        self._lock = threading.Lock()
        self._key, self._sessions = self._read()

    def begin(self, name: str, token: str = "") -> str:
        """Begin a session; return its cookie."""
        cookie = secrets.token_urlsafe(32)
        with self._lock:
            now_s = self._clock()
            kept = {k: v for k, v in self._sessions.items() if v.until_s > now_s}
            newest = sorted(kept.items(), key=lambda one: one[1].until_s)[-(MOST_SESSIONS - 1) :]
            self._sessions = {**dict(newest), _hashed(cookie): Session(name, token, now_s + SESSION_S)}
            self._write()
        return cookie

    def find(self, cookie: str) -> Session | None:
        """Return the session of a cookie, if it goes on."""
        session = self._sessions.get(_hashed(cookie))
        return session if session is not None and session.until_s > self._clock() else None

    def end(self, cookie: str) -> None:
        """End a session."""
        with self._lock:
            if self._sessions.pop(_hashed(cookie), None) is not None:
                self._write()

    def csrf_token(self, cookie: str) -> str:
        """Return the token that an action of this session must bring along; of another site nobody can read it."""
        return hmac.new(self._key, f"csrf {cookie}".encode(), hashlib.sha256).hexdigest()

    def is_csrf_token(self, cookie: str, token: str) -> bool:
        """Return whether an action belongs to this session."""
        return hmac.compare_digest(self.csrf_token(cookie).encode(), token.encode("utf-8", "replace"))

    def _read(self) -> tuple[bytes, dict[str, Session]]:
        try:
            values = json.loads(self._path.read_bytes())
            return bytes.fromhex(values["key"]), {k: Session(**v) for k, v in values["sessions"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return secrets.token_bytes(32), {}

    def _write(self) -> None:
        known = {key: asdict(session) for key, session in self._sessions.items()}
        try:
            write_private(self._path, json.dumps({"key": self._key.hex(), "sessions": known}).encode())
        except AnomalyError as error:
            # They go on until the server ends.
            _LOG.warning("sessions cannot be stored: %s", error)


def _hashed(cookie: str) -> str:
    return hashlib.sha256(cookie.encode("utf-8", "replace")).hexdigest()
