"""Keys that allow one stream each: a browser cannot send a CSRF token with a stream of events."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable

_GOOD_S, _MOST = 60.0, 1_000


class OneTimeKeys:
    """Keys that are good for a minute and one use, for one thing and one person.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._keys: dict[str, tuple[str, str, float]] = {}
        self._lock = threading.Lock()

    def issue(self, thing: str, name: str) -> str:
        """Return a new key."""
        key = secrets.token_hex(16)
        with self._lock:
            now_s = self._clock()
            good = {k: v for k, v in self._keys.items() if v[2] > now_s}
            self._keys = dict(list(good.items())[-_MOST:]) | {key: (thing, name, now_s + _GOOD_S)}
        return key

    def take(self, key: str, thing: str, name: str) -> bool:
        """Use a key up; return whether it is good for this."""
        with self._lock:
            found = self._keys.pop(key, None)
        return found is not None and found[:2] == (thing, name) and found[2] > self._clock()
