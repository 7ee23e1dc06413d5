"""Measured effect of a repair: the outputs before and after on the same input."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.network import Network
from chip.sim.simulator import Simulator

__all__ = ["Change", "output_change"]


@dataclass(frozen=True)
class Change:
    """Agreement of the outputs of two networks.

    Args:
        steps: steps of the input, all streams together.
        agreement: share of [step, stream, output] at which both are equal, silence included.
        spike_agreement: the same where at least one of them fires; None if neither ever does.
        mean_count_difference: mean difference of the signed spike count of an output in a stream.
        mean_count: mean magnitude of that count before the repair, for comparison.
        mean_running_difference: difference of the running counts, averaged over steps: a spike that comes a step
            late counts for one step, a lost spike for all steps that follow.
        changed_outputs: outputs that differ anywhere.
        outputs: number of outputs compared.
    """

    steps: int
    agreement: float
    spike_agreement: float | None
    mean_count_difference: float
    mean_count: float
    mean_running_difference: float
    changed_outputs: int
    outputs: int

    def __str__(self) -> str:
        spikes = "neither fires" if self.spike_agreement is None else f"{self.spike_agreement:.2%} of spikes"
        return (
            f"outputs agree in {self.agreement:.2%} of steps ({spikes}), {self.changed_outputs} of "
            f"{self.outputs} changed; counts differ by {self.mean_count_difference:.3g} on average "
            f"of {self.mean_count:.3g}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the change as plain values."""
        return asdict(self)


def output_change(
    before: Network,
    after: Network,
    spikes: NDArray[np.integer[Any]],
    *,
    v_sat: int,
    kept: NDArray[np.int64] | None = None,
) -> Change:
    """Run both networks on the same input and compare their outputs.

    Args:
        before: original network.
        after: changed network with as many inputs.
        spikes: -1, 0 or +1 of each [step, stream, input].
        v_sat: membranes are clipped to [-v_sat, +v_sat].
        kept: original outputs that ``after`` still has; all of them by default.
    """
    one, other = (Simulator(network, v_sat=v_sat).run(spikes).outputs for network in (before, after))
    if kept is not None:
        one = one[:, :, kept]
    differs, fires = one != other, (one != 0) | (other != 0)
    running = np.cumsum(one.astype(np.int64) - other, axis=0)
    final = running[-1] if len(running) else np.zeros(0)
    count = one.sum(axis=0, dtype=np.int64)
    return Change(
        steps=one.shape[0] * one.shape[1],
        agreement=float(1 - differs.mean()) if differs.size else 1.0,
        spike_agreement=float(1 - differs[fires].mean()) if fires.any() else None,
        mean_count_difference=_mean(final),
        mean_count=_mean(count),
        mean_running_difference=_mean(running),
        changed_outputs=int(differs.any(axis=(0, 1)).sum()),
        outputs=one.shape[2],
    )


def _mean(values: NDArray[Any]) -> float:
    return float(np.abs(values).mean()) if values.size else 0.0
