"""Resemblance of a sound to examples of known causes, or to none of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anomaly.diagnose.naming.examples import KnownCase
from anomaly.diagnose.physics.envelope import Curve

UNKNOWN = "unknown"
_MOST_SHARE = 0.6
"""An example must be nearer than this share of the distance to normal sound."""
_LEAST_MARGIN = 1.1
"""The nearest example of another cause must be farther by this factor."""


@dataclass(frozen=True)
class Resemblance:
    """Result of a comparison with examples.

    Args:
        finding: cause of the nearest examples, or `UNKNOWN`.
        examples: number of examples of that cause.
        distance: root mean square of the difference to the nearest example, dB.
        share: the same over the distance to normal sound.
    """

    finding: str
    examples: int
    distance: float
    share: float

    def sentence(self) -> str:
        """Return the result in words."""
        if self.finding == UNKNOWN:
            return "It resembles no earlier case whose cause is known."
        number = "one earlier case" if self.examples == 1 else f"{self.examples} earlier cases"
        return f"It resembles {number} with the finding {self.finding}."


def resemblance(values: Curve, examples: Sequence[KnownCase]) -> Resemblance | None:
    """Compare a fingerprint with examples; None where none has the same bands."""
    known = [one for one in examples if len(one.values) == len(values)]
    if not known:
        return None
    distances = np.asarray([_size(values - np.asarray(one.values)) for one in known])
    nearest = int(distances.argmin())
    finding = known[nearest].finding
    others = [float(d) for d, one in zip(distances, known, strict=True) if one.finding != finding]
    share = float(distances[nearest] / (_size(values) + 1e-9))
    is_clear = share < _MOST_SHARE and (not others or min(others) > _LEAST_MARGIN * distances[nearest])
    count = sum(one.finding == finding for one in known)
    return Resemblance(finding if is_clear else UNKNOWN, count, float(distances[nearest]), share)


def _size(values: Curve) -> float:
    return float(np.sqrt(np.mean(values**2)))
