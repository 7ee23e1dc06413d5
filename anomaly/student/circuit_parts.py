"""Parts of a student's circuit that comparators read or feed: sum neurons and drift integrators.

Both are neurons of the chip. In micro-step k, with leak 2^-n::

    q = v - sign(v) * floor(|v| * 2^-n) + sum_i W_i * s_i
    s = +1 if q >= theta; for signed neurons -1 if q <= -theta; else 0
    v = clip(q - w_fb * s, -v_sat, +v_sat)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anomaly.errors import ModelError
from anomaly.student.arrays import Integers

# Kinds of whitening filters, each a kind of error: see `closed_form.whitening_filters`.
FILTER_KINDS = ("frame", "change", "context")
# The kind of error of the drift integrators: a bias of the errors of the other kinds.
DRIFT_KIND = "slow"
# The kind of error of a level relative to its normal range in the present phase of the machine's cycle.
PHASE_KIND = "phase"


@dataclass(frozen=True, eq=False)
class SumNeurons:
    """Signed neurons whose spikes are the delta code of a weighted sum of levels.

    The feedback weight is the threshold (one quantum), so each spike takes one quantum off the membrane: an
    integrate-and-fire neuron with reset by subtraction.

    Args:
        weights: of each sum and tap, [sums, taps]; zero means no synapse.
        quanta: membrane units that one spike of each stands for, at least 1, [sums].
    """

    weights: Integers
    quanta: Integers

    @classmethod
    def none(cls, taps: int) -> SumNeurons:
        """Return an empty set of sums over that many taps."""
        return cls(np.zeros((0, taps), np.int32), np.zeros(0, np.int32))


@dataclass(frozen=True, eq=False)
class DriftIntegrators:
    """Leaky one-sided neurons that integrate the signed spikes of comparators (`closed_form.drift_integrators`).

    Args:
        weights: of each integrator and comparator, [integrators, comparators]; zero means no synapse.
        thresholds: of each membrane, at least 1, [integrators].
        channels: read-out that each one feeds, [integrators].
        loads: weight of its spikes at the read-out, [integrators].
        leak: n of the leak 2^-n per step.

    Raises:
        ModelError: the arrays differ in length.
    """

    weights: Integers
    thresholds: Integers
    channels: Integers
    loads: Integers
    leak: int = 0

    def __post_init__(self) -> None:
        count = len(self.thresholds)
        if {self.thresholds.shape, self.channels.shape, self.loads.shape} != {(count,)} or len(
            self.weights
        ) != count:
            raise ModelError(f"weights, channels and loads do not belong to {count} drift integrators")
