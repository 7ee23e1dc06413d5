"""Agreement of two spike trains."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEAST_AGREEMENT", "LEAST_MATCHED", "Agreement", "agreement_of"]

LEAST_AGREEMENT = 0.95
"""Share of [step, neuron] from which an import counts as right."""
LEAST_MATCHED = 0.8
"""Share of spikes that must have a counterpart within a step: among silent steps, ``agreement`` alone says little."""


@dataclass(frozen=True)
class Agreement:
    """Comparison of two spike trains of the same neurons.

    Args:
        agreement: share of [step, neuron] at which both are equal, silence included; None if neither ever fires.
        spike_agreement: the same where at least one fires; None if none ever does.
        matched: share of the spikes of both that have a counterpart within one step; None if there are none.
        spikes: spikes of the graph in real numbers.
        chip_spikes: spikes of the other train.
        count_difference: summed difference of the spike counts of the neurons, as a share of ``spikes``: small where
            spikes come a little earlier or later, as they do after rounding.
    """

    agreement: float | None
    spike_agreement: float | None
    matched: float | None
    spikes: int
    chip_spikes: int
    count_difference: float

    @property
    def silent(self) -> bool:
        """Return whether neither train has a spike, so that nothing can be said."""
        return self.agreement is None

    @property
    def right(self) -> bool:
        """Return whether the trains are as good as equal."""
        return (
            self.agreement is not None
            and self.matched is not None
            and self.agreement >= LEAST_AGREEMENT
            and self.matched >= LEAST_MATCHED
        )

    @property
    def score(self) -> float:
        """Lower one of agreement and matched spikes, by which layouts are compared; 0 for silence."""
        return min(self.agreement or 0.0, self.matched or 0.0)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        return asdict(self)

    def __str__(self) -> str:
        if self.agreement is None or self.spike_agreement is None or self.matched is None:
            return "no spikes"
        shares = f"{self.agreement:.4f} of all steps, {self.spike_agreement:.4f} where either fires"
        return f"{shares}, {self.matched:.4f} of the spikes within a step, counts differ by {self.count_difference:.4f}"


def agreement_of(one: NDArray[Any], other: NDArray[Any]) -> Agreement:
    """Compare two spike trains [step, neuron] of one shape; -1 and +1 are different spikes."""
    same, either = one == other, (one != 0) | (other != 0)
    most, spikes, others = int(either.sum()), int(np.count_nonzero(one)), int(np.count_nonzero(other))
    if most == 0:
        return Agreement(None, None, None, 0, 0, 0.0)
    share = float((same & either).sum()) / most
    counts = [train.sum(axis=0, dtype=np.int64) for train in (one, other)]
    off = float(np.abs(counts[0] - counts[1]).sum()) / max(spikes, 1)
    matched = (_near(one, other) + _near(other, one)) / (spikes + others)
    return Agreement(float(same.mean()), share, matched, spikes, others, off)


def _near(one: NDArray[Any], other: NDArray[Any]) -> int:
    """Count the spikes of one train that the other has within a step."""
    found = one == other
    found[1:] |= one[1:] == other[:-1]
    found[:-1] |= one[:-1] == other[1:]
    return int((found & (one != 0)).sum())
