"""Circuit breaker of a sink: one that is away is asked at intervals, not once for each message that waits.

Closed, all messages are tried. After some failures in a row it opens: nothing is tried for a while. Then a single
message is tried; if that succeeds the breaker closes and all that waits is sent at once, otherwise the next wait is
twice as long, up to a minute.
"""

from __future__ import annotations

import random

# Failures in a row, of different messages or the same, after which the other side is taken to be away.
OPENS_AFTER = 3
# A sink that is back gets its messages within this time.
LONGEST_OPEN_S = 60.0


class CircuitBreaker:
    """State of the way to one sink.

    Args:
        first_s: first wait; each one lies between a half and the whole of its step, at random.
        longest_s: no wait is longer, except one that the other side requests.
        rng: of the jitter.
    """

    def __init__(self, first_s: float, longest_s: float, rng: random.Random) -> None:
        self._first_s, self._longest_s, self._rng = first_s, min(longest_s, LONGEST_OPEN_S), rng
        self._failures = 0
        self._opened_s: float | None = None
        self._until_s = 0.0

    @property
    def is_open(self) -> bool:
        """True while the other side is taken to be away."""
        return self._opened_s is not None

    def allows(self, now_s: float) -> bool:
        """Return whether a message may be tried at a UNIX time: always while closed, one at a time else.

        A clock that was set back to before the opening allows it, too.
        """
        return self._opened_s is None or not self._opened_s <= now_s < self._until_s

    def succeeded(self) -> bool:
        """Note that the other side has answered; return whether this closed the breaker."""
        was_open, self._opened_s, self._failures = self.is_open, None, 0
        return was_open

    def failed(self, now_s: float, requested_s: float | None = None) -> bool:
        """Note that the other side did not confirm a message; return whether this opened the breaker.

        Args:
            now_s: UNIX seconds.
            requested_s: wait that the other side asked for, if it did: it opens at once.
        """
        self._failures += 1
        if requested_s is None and self._failures < OPENS_AFTER:
            return False
        steps = max(0, self._failures - OPENS_AFTER)
        grown = min(self._longest_s, self._first_s * 2.0 ** min(steps, 60))
        was_open, self._opened_s = self.is_open, now_s
        self._until_s = now_s + max(requested_s or 0.0, grown * self._rng.uniform(0.5, 1.0))
        return not was_open
