"""The student's wiring in one value: what distillation trains and what is compiled for the chip.

inputs      one signed event wire per band
relays      K neurons per band and frame of delay, a shift register: earlier frames stay on the chip
residuals   signed, feedback of one quantum: the membrane integrates delta events, so it holds a weighted sum
            of *levels*, and its spikes are the delta code of that sum. All synapses of a prediction end here,
            once, however many comparators listen
comparators one-sided, one synapse, no feedback: hold the residual, fire in every step in which it is at or
            beyond the threshold. Their leak forgets lost events and drift within a second
read-outs   one per kind and sub-band group: counts comparator spikes, divided by the load that can be on at
            once, so that a group that is wrong all the time fires in every step and never builds up a backlog

Read-outs count in twos and their thresholds lie half-way between: on a chip whose weights deviate by some per
cent, what was decided by integers still is.
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

KINDS = ("frame", "change", "context")
Integers = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Circuit:
    """The integers of a student.

    Args:
        bands: inputs.
        micro_steps: steps per frame (K).
        delays: frames of delay that relays provide; taps are numbered ``delay * bands + band``.
        weights: of each residual and tap, [residuals, (delays + 1) * bands]; zero means no synapse.
        quanta: membrane units one spike of each residual stands for, [residuals].
        channels: read-out each residual's comparators feed, ``kind * GROUPS + group``, [residuals].
        listens: residual each comparator listens to, [comparators].
        signs: +1 where it fires above its threshold, -1 below minus its threshold, [comparators].
        thresholds: of each comparator's membrane, at least 1, [comparators].
        loads: weight of its spikes at the read-out, [comparators].
        divisors: load per spike of each read-out, [kinds * GROUPS].
        listen_weight: what a spike of its residual adds to a comparator's membrane.
        listen_leak: n of the leak 2^-n of comparators, 0 for none.
        relay_weight: of a relay's synapse and feedback; the larger, the less mismatch matters to it.
        relay_leak: n of the leak 2^-n with which a relay forgets what mismatch leaves, 0 for none.

    Raises:
        ModelError: shapes do not agree.
    """

    bands: int
    micro_steps: int
    delays: int
    weights: Integers
    quanta: Integers
    channels: Integers
    listens: Integers
    signs: Integers
    thresholds: Integers
    loads: Integers
    divisors: Integers
    listen_weight: int = 1
    listen_leak: int = 0
    relay_weight: int = 31
    relay_leak: int = 1

    def __post_init__(self) -> None:
        taps, count = (self.delays + 1) * self.bands, len(self.quanta)
        if self.weights.shape != (count, taps) or self.channels.shape != (count,):
            raise ModelError(
                f"weights {self.weights.shape} do not belong to {count} residuals and {taps} taps"
            )
        each = (self.listens, self.signs, self.thresholds, self.loads)
        if len({values.shape for values in each}) != 1 or not int(self.listens.max(initial=0)) < max(
            count, 1
        ):
            raise ModelError(f"comparators do not agree, or listen to more than {count} residuals")
        readouts, highest = len(self.divisors), int(self.channels.max(initial=0))
        if readouts % GROUPS or not highest < readouts <= len(KINDS) * GROUPS:
            raise ModelError(f"{readouts} read-outs do not serve channels up to {highest}")

    def to_network(self) -> Network:
        """Lay the circuit out as neurons and synapses."""
        labels = [f"band {band}" for band in range(self.bands)]
        builder = NetworkBuilder(self.bands, input_labels=labels)
        taps = self._relays(builder)
        readouts = [
            builder.add_neuron(
                theta_p=2 * int(d) - 1, w_fb=2 * int(d), label=f"{name_of(c)} group {c % GROUPS}"
            )
            for c, d in enumerate(self.divisors)
        ]
        residuals = [self._residual(builder, taps, r) for r in range(len(self.quanta))]
        for r, sign, threshold, load in zip(
            self.listens, self.signs, self.thresholds, self.loads, strict=True
        ):
            channel = int(self.channels[r])
            neuron = builder.add_neuron(
                theta_p=int(threshold), decay=self.listen_leak, label=f"{name_of(channel)} comparator"
            )
            builder.connect(residuals[int(r)], neuron, self.listen_weight * int(sign))
            builder.connect(builder.source_of(neuron), readouts[channel], 2 * int(load))
        for neuron in readouts:
            builder.output(neuron)
        return builder.build()

    def _residual(self, builder: NetworkBuilder, taps: list[int], r: int) -> int:
        quantum = int(self.quanta[r])
        neuron = builder.add_neuron(
            theta_p=quantum, negative=True, w_fb=quantum, label=f"{name_of(int(self.channels[r]))} residual"
        )
        for tap in np.flatnonzero(self.weights[r]):
            builder.connect(taps[int(tap)], neuron, int(self.weights[r, tap]))
        return builder.source_of(neuron)

    def _relays(self, builder: NetworkBuilder) -> list[int]:
        """Source number of each tap; relays are made only as far back as a band is used."""
        full, half = self.relay_weight, (self.relay_weight + 1) // 2
        used = (self.weights != 0).any(axis=0).reshape(self.delays + 1, self.bands)
        sources = [[band] for band in range(self.bands)]
        for band in range(self.bands):
            furthest = int(np.flatnonzero(used[:, band]).max(initial=0))
            for delay in range(1, furthest + 1):
                source = sources[band][-1]
                for step in range(self.micro_steps):
                    label = f"relay band {band} step {(delay - 1) * self.micro_steps + step + 1}"
                    relay = builder.add_neuron(
                        theta_p=half, negative=True, w_fb=full, decay=self.relay_leak, label=label
                    )
                    builder.connect(source, relay, full)
                    source = builder.source_of(relay)
                sources[band].append(source)
        return [
            sources[band][delay] if delay < len(sources[band]) else -1
            for delay in range(self.delays + 1)
            for band in range(self.bands)
        ]


def name_of(channel: int) -> str:
    """The kind of a read-out, in a word."""
    return KINDS[channel // GROUPS]


@dataclass(frozen=True)
class Limits:
    """What the chip allows one neuron, as far as training must know it.

    Args:
        fan_in: synapses that end at a neuron.
        weight_max: largest magnitude of a synapse.
        threshold_max: largest threshold.
        v_sat: membrane limit.
        fan_out: synapses that one input or neuron may reach.
        leaks: the n of the leaks 2^-n that the chip has, in order.
    """

    fan_in: int
    weight_max: int
    threshold_max: int
    v_sat: int
    fan_out: int
    leaks: tuple[int, ...] = (1,)

    @classmethod
    def of(cls, arch: ArchSpec) -> Limits:
        """Read the limits off an architecture."""
        fan_in, fan_out = int(arch.neuron.fan_in.value), int(arch.routing.fan_out_load.value)
        leaks = tuple(sorted(int(n) for n in arch.neuron.decay_shifts.value if n > 0))
        # A quantum is a threshold and a feedback weight at once.
        threshold_max = min(arch.threshold_max, arch.feedback_max)
        return cls(fan_in, arch.weight_max, threshold_max, arch.v_sat, fan_out, leaks)

    @property
    def relay_leak(self) -> int:
        """The strongest leak, 0 where there is none."""
        return min(self.leaks, default=0)

    def listen_leak(self, weight: int) -> int:
        """The leak of comparators, 0 where the chip has none like it.

        It leaves alone what is below about two spikes of this weight, and takes half a second (64 steps): faster,
        it would forget faults.
        """
        return next((n for n in self.leaks if 2**n >= 2 * weight and n >= 6), 0)


def taps_of(events: npt.NDArray[np.int8], delays: int, micro_steps: int) -> npt.NDArray[np.int64]:
    """What residuals hold at unit weight: levels of every tap after every micro-step.

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
