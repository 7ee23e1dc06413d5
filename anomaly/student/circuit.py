"""The student's wiring in one value: what distillation trains and what is compiled for the chip.

inputs      one signed event wire per band
relays      K neurons per band and frame of delay, a shift register: earlier frames stay on the chip
comparators one-sided, no leak, no feedback: the membrane integrates delta events, so it holds a weighted
            sum of *levels*, and fires in every step in which that sum is at or above the threshold
read-outs   one per kind and sub-band group: counts comparator spikes, divided by their number, so that
            a group that is wrong all the time fires in every step and never builds up a backlog
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anomaly.detect.pooling import GROUPS
from anomaly.errors import ModelError
from chip.arch import ArchSpec
from chip.builder import NetworkBuilder
from chip.network import Network

KINDS = ("static", "delayed", "local")
Integers = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Circuit:
    """The integers of a student.

    Args:
        bands: inputs.
        micro_steps: steps per frame (K).
        delays: frames of delay that relays provide; taps are numbered ``delay * bands + band``.
        weights: of each comparator and tap, [comparators, (delays + 1) * bands]; zero means no synapse.
        thresholds: of each comparator, [comparators].
        channels: read-out each comparator feeds, ``kind * GROUPS + group``, [comparators].
        divisors: spikes of comparators per spike of each read-out, [kinds * GROUPS].

    Raises:
        ModelError: shapes do not agree.
    """

    bands: int
    micro_steps: int
    delays: int
    weights: Integers
    thresholds: Integers
    channels: Integers
    divisors: Integers

    def __post_init__(self) -> None:
        taps = (self.delays + 1) * self.bands
        count = len(self.thresholds)
        if self.weights.shape != (count, taps) or self.channels.shape != (count,):
            raise ModelError(
                f"weights {self.weights.shape} do not belong to {count} comparators and {taps} taps"
            )
        readouts, highest = len(self.divisors), int(self.channels.max(initial=0))
        if readouts % GROUPS or not highest < readouts <= len(KINDS) * GROUPS:
            raise ModelError(f"{readouts} read-outs do not serve channels up to {highest}")

    def to_network(self) -> Network:
        """Lay the circuit out as neurons and synapses."""
        labels = [f"band {band}" for band in range(self.bands)]
        builder = NetworkBuilder(self.bands, input_labels=labels)
        taps = self._relays(builder)
        readouts = [
            builder.add_neuron(theta_p=int(d), w_fb=int(d), label=f"{KINDS[c // GROUPS]} group {c % GROUPS}")
            for c, d in enumerate(self.divisors)
        ]
        for row, threshold, channel in zip(self.weights, self.thresholds, self.channels, strict=True):
            neuron = builder.add_neuron(
                theta_p=int(threshold), label=f"{KINDS[channel // GROUPS]} comparator"
            )
            for tap in np.flatnonzero(row):
                builder.connect(taps[int(tap)], neuron, int(row[tap]))
            builder.connect(builder.source_of(neuron), readouts[int(channel)], 1)
        for neuron in readouts:
            builder.output(neuron)
        return builder.build()

    def _relays(self, builder: NetworkBuilder) -> list[int]:
        """Source number of each tap; relays are made only as far back as a band is used."""
        used = (self.weights != 0).any(axis=0).reshape(self.delays + 1, self.bands)
        sources = [[band] for band in range(self.bands)]
        for band in range(self.bands):
            furthest = int(np.flatnonzero(used[:, band]).max(initial=0))
            for delay in range(1, furthest + 1):
                source = sources[band][-1]
                for step in range(self.micro_steps):
                    label = f"relay band {band} step {(delay - 1) * self.micro_steps + step + 1}"
                    relay = builder.add_neuron(theta_p=1, negative=True, w_fb=1, label=label)
                    builder.connect(source, relay, 1)
                    source = builder.source_of(relay)
                sources[band].append(source)
        return [
            sources[band][delay] if delay < len(sources[band]) else -1
            for delay in range(self.delays + 1)
            for band in range(self.bands)
        ]


@dataclass(frozen=True)
class Limits:
    """What the chip allows one neuron, as far as training must know it.

    Args:
        fan_in: synapses that end at a neuron.
        weight_max: largest magnitude of a synapse.
        threshold_max: largest threshold.
        v_sat: membrane limit.
        fan_out: synapses that one input or neuron may reach.
    """

    fan_in: int
    weight_max: int
    threshold_max: int
    v_sat: int
    fan_out: int

    @classmethod
    def of(cls, arch: ArchSpec) -> Limits:
        """Read the limits off an architecture."""
        fan_in, fan_out = int(arch.neuron.fan_in.value), int(arch.routing.fan_out_load.value)
        return cls(fan_in, arch.weight_max, arch.threshold_max, arch.v_sat, fan_out)


def taps_of(events: npt.NDArray[np.int8], delays: int, micro_steps: int) -> npt.NDArray[np.int64]:
    """What comparators hold at unit weight: levels of every tap after every micro-step.

    Args:
        events: [streams, steps, bands], from a reset on.
        delays: frames of delay.
        micro_steps: steps per frame; a relay chain of one frame delays by exactly as many steps.

    Returns:
        Levels [streams, steps, (delays + 1) * bands], in events.
    """
    levels = events.astype(np.int64).cumsum(axis=1)
    parts = [levels]
    for delay in range(1, delays + 1):
        late = np.zeros_like(levels)
        shift = delay * micro_steps
        if shift < levels.shape[1]:
            late[:, shift:] = levels[:, : levels.shape[1] - shift]
        parts.append(late)
    return np.concatenate(parts, axis=2)
