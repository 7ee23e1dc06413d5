"""Limits of requests: so many in a time from one address, and waiting times after wrong passwords."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

_MOST_KEYS = 10_000


class RateLimit:
    """Token bucket for each key, such as an address.

    Args:
        per_s: requests a second in the long run.
        burst: requests at once.
        clock: monotonic seconds.
    """

    def __init__(self, per_s: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s, self._burst, self._clock = per_s, burst, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str, cost: float = 1.0) -> float:
        """Take a request; return 0, or the seconds after which to try again."""
        with self._lock:
            now_s = self._clock()
            left, at_s = self._buckets.pop(key, (self._burst, now_s))
            left = min(self._burst, left + (now_s - at_s) * self._per_s)
            wait_s = 0.0 if left >= cost else (cost - left) / self._per_s
            self._buckets[key] = (left - cost if wait_s == 0 else left, now_s)
            if len(self._buckets) > _MOST_KEYS:
                self._buckets.popitem(last=False)
        return wait_s


@dataclass
class _Failures:
    count: int
    until_s: float


class LoginThrottle:
    """Waiting time after wrong passwords, which doubles with each of them.

    Args:
        free: wrong passwords without a wait.
        longest_s: longest wait.
        clock: monotonic seconds.
    """

    def __init__(
        self, free: int = 4, longest_s: float = 300.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._free, self._longest_s, self._clock = free, longest_s, clock
        self._failures: OrderedDict[str, _Failures] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, *keys: str) -> float:
        """Return the seconds for which logins of these keys (a user, an address) are refused."""
        with self._lock:
            now_s = self._clock()
            known = (self._failures.get(key) for key in keys)
            return max((one.until_s - now_s for one in known if one is not None), default=0.0)

    def failed(self, *keys: str) -> None:
        """Note a wrong password."""
        with self._lock:
            for key in keys:
                count = self._failures.pop(key, _Failures(0, 0.0)).count + 1
                wait_s = (
                    0.0 if count < self._free else min(self._longest_s, 2.0 ** min(count - self._free, 16))
                )
                self._failures[key] = _Failures(count, self._clock() + wait_s)
                if len(self._failures) > _MOST_KEYS:
                    self._failures.popitem(last=False)

    def succeeded(self, *keys: str) -> None:
        """Forget the wrong passwords before the right one."""
        with self._lock:
            for key in keys:
                self._failures.pop(key, None)
