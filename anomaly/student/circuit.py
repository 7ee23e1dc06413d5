"""The student's wiring in one value: what distillation trains and what is compiled for the chip.

inputs      one signed event wire per band
relays      K neurons per band and frame of delay, a shift register: earlier frames stay on the chip
residuals   signed, feedback of one quantum: the membrane integrates delta events, so it holds a weighted sum
            of *levels*, and its spikes are the delta code of that sum. All synapses of a prediction end here,
            once, however many comparators listen
scales      signed like residuals, one per kind and sub-band group: how much wider than usual, after the frames
            before, the group's residuals are to be expected. A hall is loud and quiet by turns
comparators one-sided, no feedback: hold the residual less what its scale allows for, fire in every step in which
            that is at or beyond the threshold. Their leak forgets lost events and drift within a second
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
# n of the leak 2^-n of comparators, by kind.
_LEAKS = {"frame": 6, "change": 4, "context": 4}


@dataclass(frozen=True, eq=False)
class Scales:
    """Neurons that move thresholds with what the frames before lead to expect.

    Args:
        weights: of each scale and tap, [scales, (delays + 1) * bands]; zero means no synapse.
        quanta: membrane units one spike of each stands for, [scales].
        heard: scale each comparator listens to, [comparators].
        loads: by how much a spike of it raises the comparator's threshold, [comparators]; zero means no synapse.
    """

    weights: Integers
    quanta: Integers
    heard: Integers
    loads: Integers


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
        listen_leaks: n of the leak 2^-n of the comparators of each kind, 0 for none.
        relay_weight: of a relay's synapse and feedback; the larger, the less mismatch matters to it.
        relay_leak: n of the leak 2^-n with which a relay forgets what mismatch leaves, 0 for none.
        scales: what moves the thresholds; None where they stand still.

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
    listen_leaks: tuple[int, ...] = (0,) * len(KINDS)
    relay_weight: int = 31
    relay_leak: int = 1
    scales: Scales | None = None

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
        if self.scales is not None and (
            self.scales.weights.shape != (len(self.scales.quanta), taps)
            or self.scales.heard.shape != self.listens.shape
            or self.scales.loads.shape != self.listens.shape
        ):
            raise ModelError(f"scales do not belong to {taps} taps and {len(self.listens)} comparators")
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
        residuals = [
            self._coded(builder, taps, row, int(quantum), f"{name_of(int(channel))} residual")
            for row, quantum, channel in zip(self.weights, self.quanta, self.channels, strict=True)
        ]
        scales = self._scales(builder, taps)
        for number, (r, sign, threshold, load) in enumerate(
            zip(self.listens, self.signs, self.thresholds, self.loads, strict=True)
        ):
            channel = int(self.channels[r])
            neuron = builder.add_neuron(
                theta_p=int(threshold),
                decay=self.listen_leaks[channel // GROUPS],
                label=f"{name_of(channel)} comparator",
            )
            builder.connect(residuals[int(r)], neuron, self.listen_weight * int(sign))
            if self.scales is not None and self.scales.loads[number]:
                heard = scales[int(self.scales.heard[number])]
                builder.connect(heard, neuron, -int(self.scales.loads[number]))
            builder.connect(builder.source_of(neuron), readouts[channel], 2 * int(load))
        for neuron in readouts:
            builder.output(neuron)
        return builder.build()

    def _scales(self, builder: NetworkBuilder, taps: list[int]) -> dict[int, int]:
        """Source number of each scale that anything listens to."""
        if self.scales is None:
            return {}
        wanted = np.unique(self.scales.heard[self.scales.loads != 0])
        return {
            int(n): self._coded(
                builder, taps, self.scales.weights[n], int(self.scales.quanta[n]), f"scale {n}"
            )
            for n in wanted
        }

    def _scale_weights(self) -> Integers:
        """Of the scales that anything listens to."""
        if self.scales is None:
            return np.zeros((0, self.weights.shape[1]), dtype=np.int32)
        heard: Integers = self.scales.weights[np.unique(self.scales.heard[self.scales.loads != 0])]
        return heard

    def _coded(
        self, builder: NetworkBuilder, taps: list[int], weights: Integers, quantum: int, label: str
    ) -> int:
        """A signed neuron whose spikes are the delta code of a weighted sum of levels."""
        neuron = builder.add_neuron(theta_p=quantum, negative=True, w_fb=quantum, label=label)
        for tap in np.flatnonzero(weights):
            builder.connect(taps[int(tap)], neuron, int(weights[tap]))
        return builder.source_of(neuron)

    def _relays(self, builder: NetworkBuilder) -> list[int]:
        """Source number of each tap; relays are made only as far back as a band is used."""
        full, half = self.relay_weight, (self.relay_weight + 1) // 2
        heard = np.concatenate([self.weights, self._scale_weights()])
        used = (heard != 0).any(axis=0).reshape(self.delays + 1, self.bands)
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

    def listen_leak(self, kind: str, weight: int) -> int:
        """The leak of a kind's comparators, the nearest that the chip has; 0 where there is none like it.

        What is heard against the frames before is over soon, and its comparators forget in an eighth of a second (16
        steps); the others take half a second (64): faster, they would forget steady faults. A leak leaves alone what is
        below about two spikes of this weight, where they are heavy.
        """
        n = _LEAKS[kind]
        return next((leak for leak in self.leaks if leak >= n and (n < 6 or 2**leak >= 2 * weight)), 0)


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
