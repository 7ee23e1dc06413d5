"""What the first layer of a student holds on held-out sound, in the very integers of the chip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anomaly.features.delta_encoder import DeltaCode, DeltaEncoder
from anomaly.features.front_end import WARM_UP_FRAMES
from anomaly.features.mel import Centibels
from anomaly.student.closed_form.filter_synapses import FilterSynapses
from anomaly.student.closed_form.integer_weights import Floats, Integers
from anomaly.student.closed_form.scale_predictor import ScalePredictor

Steps = npt.NDArray[np.int64]
# What one spike of a scale is put at where it leaks away bit by bit.
_UNIT = 1 << 16


@dataclass(frozen=True, eq=False)
class MembraneInput:
    """What arrives at membranes in every micro-step from a reset on; segments of one length stay together.

    Args:
        currents: what comparators of sign +1 get without their scale, whole numbers, arrays [segments, steps, rows].
        spikes: what scales tell them, arrays [segments, steps, channels].
        first: steps that are left out after a reset.
        leak: n of the leak 2^-n of comparators, 0 for none.
    """

    currents: list[Floats]
    spikes: list[Floats]
    first: int
    leak: int = 0

    def warm(self) -> tuple[Floats, Floats]:
        """What comparators hold without their scale, [steps, rows], and what they hold of scales, in spikes,
        [steps, channels], after the warm-up; with a leak this is exact for each, but rounding makes their sum differ.
        """
        held = self._warm([membrane_potentials(part, self.leak) for part in self.currents])
        told = self._warm([membrane_potentials(_UNIT * part, self.leak) / _UNIT for part in self.spikes])
        return held, told

    def level(self, sign: int, allowed: Integers, channels: Integers) -> list[Floats]:
        """Membranes of the comparators of one sign and level, arrays [segments, steps, rows].

        Args:
            sign: +1 or -1.
            allowed: what a spike of its scale takes from each, [rows].
            channels: scale of each row.
        """
        return [
            membrane_potentials(sign * currents - allowed * spikes[:, :, channels], self.leak)
            for currents, spikes in zip(self.currents, self.spikes, strict=True)
        ]

    def leanings(
        self, thresholds: Integers, allowed: Integers, channels: Integers, loads: Integers
    ) -> list[Steps]:
        """Loads of the comparators that fire, those of sign -1 subtracted, arrays [segments, steps, rows].

        Args:
            thresholds, allowed: of the comparators and what a spike of their scale adds, sign by sign, level by level,
                [2 * levels * rows].
            channels: scale of each row.
            loads: of each level.
        """
        shape = (2, len(loads), len(channels))
        heights, moved = thresholds.reshape(shape), allowed.reshape(shape)
        found = [np.zeros(part.shape, np.int64) for part in self.currents]
        for number, sign in enumerate((1, -1)):
            for level, load in enumerate(loads.tolist()):
                for lean, held in zip(found, self.level(sign, moved[number, level], channels), strict=True):
                    lean += sign * load * (held >= heights[number, level])
        return found

    def _warm(self, parts: list[Floats]) -> Floats:
        return np.concatenate([part[:, self.first :].reshape(-1, part.shape[2]) for part in parts])


def first_layer_input(
    segments: Sequence[Centibels], code: DeltaCode, rows: FilterSynapses, widths: ScalePredictor, delays: int
) -> MembraneInput:
    """Follow comparators and scales over held-out sound.

    Args:
        segments: levels [frames, bands].
        code: encoder settings.
        rows, widths: errors and scales.
        delays: frames of delay.
    """
    same: dict[int, list[Centibels]] = {}
    for segment in segments:
        same.setdefault(len(segment), []).append(segment)
    currents, spikes = [], []
    for of_length in same.values():
        events = DeltaEncoder(code, len(of_length)).push(np.stack(of_length))
        taps = delayed_taps(events.reshape(len(of_length), -1, code.bands), delays, code.micro_steps).astype(
            float
        )
        # Weighted sums are exact: they stay far below 2^53.
        rest, scale, direct = (taps @ w.T.astype(float) for w in (rows.rest, widths.weights, rows.direct))
        currents.append(direct + sum_neuron_spikes(rest, rows.quanta, code.leak) * rows.shares)
        spikes.append(sum_neuron_spikes(scale, widths.quanta, code.leak))
    return MembraneInput(currents, spikes, WARM_UP_FRAMES * code.micro_steps, code.leak)


def delayed_taps(events: npt.NDArray[np.int8], delays: int, micro_steps: int) -> npt.NDArray[np.int8]:
    """Events of every tap in every micro-step.

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
    """What neurons that never feed back hold in each step, whole numbers as the chip's.

    Args:
        currents: weighted sums of what arrives, whole numbers, [streams, steps, neurons].
        leak: n of the leak 2^-n, 0 for none.
    """
    if leak == 0:
        return currents.cumsum(axis=1)
    held, membrane = np.empty_like(currents), np.zeros_like(currents[:, 0])
    for step in range(currents.shape[1]):
        membrane -= np.trunc(membrane * 0.5**leak)
        membrane += currents[:, step]
        held[:, step] = membrane
    return held


def sum_neuron_spikes(currents: Floats, quanta: Integers, leak: int) -> Floats:
    """What those who listen to signed neurons get from them in each step: the spike of the step before.

    Args:
        currents: weighted sums of what arrives, whole numbers, [streams, steps, sums].
        quanta: of the neurons, [sums]; they send one spike a step at most.
        leak: n of the leak 2^-n, 0 for none.

    Returns:
        Spikes, same shape.
    """
    told, membrane = np.zeros_like(currents), np.zeros_like(currents[:, 0])
    for step in range(currents.shape[1] - 1):
        if leak:
            membrane -= np.trunc(membrane * 0.5**leak)
        membrane += currents[:, step]
        spikes = told[:, step + 1]
        np.subtract(membrane >= quanta, membrane <= -quanta, out=spikes, dtype=np.float64)
        membrane -= spikes * quanta
    return told
