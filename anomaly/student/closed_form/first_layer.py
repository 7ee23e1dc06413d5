"""Simulation of a student's first layer on held-out sound, in the integers of the chip.

Neurons without feedback integrate weighted events, with leak 2^-n in micro-step k::

    v_k = v_(k-1) - sign(v_(k-1)) * floor(|v_(k-1)| * 2^-n) + sum_i W_i * s_(i,k)

Without a leak the membrane is the sum of all input since the reset, a weighted sum of levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anomaly.features.delta_encoder import DeltaCode, DeltaEncoder
from anomaly.features.front_end import WARM_UP_FRAMES
from anomaly.features.mel import Centibels
from anomaly.student.arrays import Floats, Integers
from anomaly.student.closed_form.filter_synapses import FilterSynapses
from anomaly.student.closed_form.scale_predictor import ScalePredictor

Steps = npt.NDArray[np.int64]
# Weight of a scale's spike in the simulation of its contribution with a leak: large against the leak's rounding.
_UNIT = 1 << 16


@dataclass(frozen=True, eq=False)
class MembraneInput:
    """Input of comparators in every micro-step from a reset on; segments of one length are stacked.

    Args:
        currents: of comparators of sign +1 without their scale, whole numbers, arrays [segments, steps, filters].
        scale_spikes: spikes of the scales, arrays [segments, steps, channels].
        warm_up_steps: steps that are left out after a reset.
        leak: n of the leak 2^-n of comparators, 0 for none.
    """

    currents: list[Floats]
    scale_spikes: list[Floats]
    warm_up_steps: int
    leak: int = 0

    def after_warm_up(self) -> tuple[Floats, Floats]:
        """Return the two parts of comparators' membranes after the warm-up.

        Returns:
            Membranes without scales [steps, filters], and the contribution of scales in spikes [steps, channels]. With
            a leak each is exact, but rounding makes their sum differ from the membrane.
        """
        membranes = self._join([membrane_potentials(part, self.leak) for part in self.currents])
        scales = self._join(
            [membrane_potentials(_UNIT * part, self.leak) / _UNIT for part in self.scale_spikes]
        )
        return membranes, scales

    def comparator_potentials(self, sign: int, scale_weights: Integers, channels: Integers) -> list[Floats]:
        """Return the membranes of the comparators of one sign and threshold, arrays [segments, steps, filters].

        Args:
            sign: +1 or -1.
            scale_weights: magnitude of each comparator's (inhibitory) weight from its scale, [filters].
            channels: scale of each filter.
        """
        return [
            membrane_potentials(sign * currents - scale_weights * spikes[:, :, channels], self.leak)
            for currents, spikes in zip(self.currents, self.scale_spikes, strict=True)
        ]

    def signed_loads(
        self, thresholds: Integers, scale_weights: Integers, channels: Integers, loads: Integers
    ) -> list[Steps]:
        """Return the loads of the comparators that fire, those of sign -1 subtracted.

        Args:
            thresholds, scale_weights: of the comparators, sign by sign, threshold by threshold,
                [2 * levels * filters].
            channels: scale of each filter.
            loads: of each threshold, [levels].

        Returns:
            Arrays [segments, steps, filters].
        """
        shape = (2, len(loads), len(channels))
        heights, weights = thresholds.reshape(shape), scale_weights.reshape(shape)
        total = [np.zeros(part.shape, np.int64) for part in self.currents]
        for number, sign in enumerate((1, -1)):
            for level, load in enumerate(loads.tolist()):
                membranes = self.comparator_potentials(sign, weights[number, level], channels)
                for part, membrane in zip(total, membranes, strict=True):
                    part += sign * load * (membrane >= heights[number, level])
        return total

    def _join(self, parts: list[Floats]) -> Floats:
        return np.concatenate([part[:, self.warm_up_steps :].reshape(-1, part.shape[2]) for part in parts])


def first_layer_input(
    segments: Sequence[Centibels],
    code: DeltaCode,
    filters: FilterSynapses,
    scales: ScalePredictor,
    delays: int,
) -> MembraneInput:
    """Simulate encoder, relays and sums, and return the input of comparators.

    Args:
        segments: levels [frames, bands] of held-out sound.
        code: encoder settings.
        filters, scales: of the student.
        delays: frames of delay.
    """
    by_length: dict[int, list[Centibels]] = {}
    for segment in segments:
        by_length.setdefault(len(segment), []).append(segment)
    currents, spikes = [], []
    for same in by_length.values():
        events = DeltaEncoder(code, len(same)).push(np.stack(same)).reshape(len(same), -1, code.bands)
        taps = delayed_taps(events, delays, code.micro_steps).astype(float)
        # Weighted sums are exact: they stay far below 2^53.
        residual, scale, direct = (
            taps @ w.T.astype(float) for w in (filters.residual, scales.weights, filters.direct)
        )
        from_sums = sum_neuron_spikes(residual, filters.quanta, code.leak) * filters.spike_weights
        currents.append(direct + from_sums)
        spikes.append(sum_neuron_spikes(scale, scales.quanta, code.leak))
    return MembraneInput(currents, spikes, WARM_UP_FRAMES * code.micro_steps, code.leak)


def delayed_taps(events: npt.NDArray[np.int8], delays: int, micro_steps: int) -> npt.NDArray[np.int8]:
    """Return the events of every tap in every micro-step.

    Args:
        events: [streams, steps, bands], from a reset on.
        delays: frames of delay.
        micro_steps: steps per frame; a relay chain of one frame delays by exactly as many steps.

    Returns:
        Events [streams, steps, (delays + 1) * bands].
    """
    parts = [events]
    for delay in range(1, delays + 1):
        late = np.zeros_like(events)
        shift = delay * micro_steps
        if shift < events.shape[1]:
            late[:, shift:] = events[:, : events.shape[1] - shift]
        parts.append(late)
    return np.concatenate(parts, axis=2)


def membrane_potentials(currents: Floats, leak: int) -> Floats:
    """Return the membranes of neurons without feedback in each step, whole numbers as the chip's.

    Args:
        currents: weighted sums of inputs, whole numbers, [streams, steps, neurons].
        leak: n of the leak 2^-n, 0 for none.
    """
    if leak == 0:
        return currents.cumsum(axis=1)
    potentials, membrane = np.empty_like(currents), np.zeros_like(currents[:, 0])
    for step in range(currents.shape[1]):
        membrane -= np.trunc(membrane * 0.5**leak)
        membrane += currents[:, step]
        potentials[:, step] = membrane
    return potentials


def sum_neuron_spikes(currents: Floats, quanta: Integers, leak: int) -> Floats:
    """Return the spikes of sum neurons as their targets receive them, one step after they are fired.

    Args:
        currents: weighted sums of inputs, whole numbers, [streams, steps, sums].
        quanta: of the neurons, [sums]; they fire one spike a step at most.
        leak: n of the leak 2^-n, 0 for none.

    Returns:
        Spikes, same shape.
    """
    received, membrane = np.zeros_like(currents), np.zeros_like(currents[:, 0])
    for step in range(currents.shape[1] - 1):
        if leak:
            membrane -= np.trunc(membrane * 0.5**leak)
        membrane += currents[:, step]
        spikes = received[:, step + 1]
        np.subtract(membrane >= quanta, membrane <= -quanta, out=spikes, dtype=np.float64)
        membrane -= spikes * quanta
    return received
