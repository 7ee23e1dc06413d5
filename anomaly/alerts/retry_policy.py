"""Times of further attempts to deliver a message."""

from __future__ import annotations

import random
from dataclasses import dataclass

from anomaly.errors import ConfigError
from anomaly.store.outbox.delivery_table import LONGEST_WAIT_S


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Time of the next attempt: ``first_s * 2**attempts``, with jitter between a half and the whole of it.

    Args:
        first_s: wait after the first failure.
        longest_s: no wait is longer, not even one that the other side requests.
        give_up_s: age at which a message is given up, with an event.

    Raises:
        ConfigError: the waits are not in order.
    """

    first_s: float = 1.0
    longest_s: float = LONGEST_WAIT_S
    give_up_s: float = 7 * 86_400.0

    def __post_init__(self) -> None:
        if not 0 < self.first_s <= self.longest_s <= min(LONGEST_WAIT_S, self.give_up_s):
            raise ConfigError(
                f"waits must grow from first to longest (at most {LONGEST_WAIT_S:g} s) to give_up"
            )

    def wait_s(self, attempts: int, rng: random.Random, requested_s: float | None = None) -> float:
        """Return the seconds to wait after so many earlier failures; not less than the other side requested."""
        grown = min(self.longest_s, self.first_s * 2.0 ** min(attempts, 60))
        return min(self.longest_s, max(requested_s or 0.0, grown * rng.uniform(0.5, 1.0)))
