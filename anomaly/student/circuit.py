"""The student's wiring in one value: what distillation trains and what is compiled for the chip.

inputs      one signed event wire per band
relays      K neurons per band and frame of delay, a shift register: earlier frames stay on the chip
sums        signed, feedback of one quantum: the membrane integrates delta events, so it holds a weighted sum
            of *levels*, and its spikes are the delta code of that sum. They carry what many comparators need
            and one comparator has no synapses for
comparators one-sided, no feedback: their membranes hold a weighted sum of levels too, to the last unit, and
            they fire in every step in which it is at or beyond the threshold
slow ones   one-sided, with a leak: add up which way an error leans, its comparators of one sign less those of the
            other, and fire in every step in which that is at or beyond a threshold
gates       where a machine's cycle has phases: neurons that tell them apart, and move the comparators' thresholds
            (`gates`)
read-outs   one per kind and sub-band group: counts comparator spikes, divided by the load that can be on at
            once, so that a group that is wrong all the time fires in every step and never builds up a backlog

Read-outs count in twos and their thresholds lie half-way between: on a chip whose weights deviate by some per
cent, what was decided by integers still is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.errors import ModelError
from anomaly.student.phases.gates import Gates, add_gates
from chip.builder import NetworkBuilder
from chip.network import Network

FILTER_KINDS = ("frame", "change", "context")
# The kind of error that is not of levels but of errors: which way they lean.
DRIFT_KIND = "slow"
# The kind of error that is held against the phase of the machine's cycle, and not against frames before.
PHASE_KIND = "phase"
Integers = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class SumNeurons:
    """Neurons that pass weighted sums of levels on, as changes.

    Args:
        weights: of each sum and tap, [sums, taps]; zero means no synapse.
        quanta: membrane units one spike of each stands for, at least 1, [sums].
    """

    weights: Integers
    quanta: Integers

    @classmethod
    def none(cls, taps: int) -> SumNeurons:
        """No sums, of so many taps."""
        return cls(np.zeros((0, taps), np.int32), np.zeros(0, np.int32))


@dataclass(frozen=True, eq=False)
class DriftIntegrators:
    """Neurons that remember which way errors leant.

    Args:
        weights: of each one and comparator, [slow, comparators]; zero means no synapse.
        thresholds: of each membrane, at least 1, [slow].
        channels: read-out each one feeds, [slow].
        loads: weight of its spikes at the read-out, [slow].
        leak: n of the leak 2^-n.
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
            raise ModelError(f"weights, channels and loads do not belong to {count} slow neurons")


@dataclass(frozen=True, eq=False)
class WiredCircuit:
    """A circuit as neurons and synapses, and where its parts are among them.

    Args:
        network: the neurons and synapses.
        taps: source number of each tap, inputs first, then neurons; -1 where its relay was not needed, [taps].
        sums: neuron of each sum, -1 where nobody listens to it, [sums].
        comparators: neuron of each comparator, [comparators].
    """

    network: Network
    taps: npt.NDArray[np.int64]
    sums: npt.NDArray[np.int64]
    comparators: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Circuit:
    """The integers of a student.

    Args:
        bands: inputs.
        micro_steps: steps per frame (K).
        delays: frames of delay that relays provide; taps are numbered ``delay * bands + band``.
        kinds: of error, in the order of the read-outs.
        weights: of each comparator and tap, [comparators, (delays + 1) * bands]; zero means no synapse.
        sums: neurons that comparators may listen to.
        heard: weight of each comparator and sum, [comparators, sums]; zero means no synapse.
        thresholds: of each comparator's membrane, at least 1, [comparators].
        channels: read-out each comparator feeds, ``kind * groups + group``, [comparators].
        loads: weight of its spikes at the read-out, [comparators].
        divisors: load per spike of each read-out, [kinds * groups].
        leak: n of the leak 2^-n of comparators and sums, 0 for none; that of the encoder.
        relay_weight: of a relay's synapse and feedback; the larger, the less mismatch matters to it.
        relay_leak: n of the leak 2^-n with which a relay forgets what mismatch leaves, 0 for none.

        slow: neurons that listen to comparators, with a read-out for themselves; their kind is the last. Or none.
        gates: neurons that tell phases apart, for comparators to listen to. Or none.

    Raises:
        ModelError: shapes do not agree, or a threshold, quantum or divisor is below 1.
    """

    bands: int
    micro_steps: int
    delays: int
    kinds: tuple[str, ...]
    weights: Integers
    sums: SumNeurons
    heard: Integers
    thresholds: Integers
    channels: Integers
    loads: Integers
    divisors: Integers
    leak: int = 0
    relay_weight: int = 31
    relay_leak: int = 1
    slow: DriftIntegrators | None = None
    gates: Gates | None = None

    def __post_init__(self) -> None:
        taps, count, sums = (self.delays + 1) * self.bands, len(self.thresholds), len(self.sums.quanta)
        if self.weights.shape != (count, taps) or self.sums.weights.shape != (sums, taps):
            raise ModelError(
                f"weights {self.weights.shape} and {self.sums.weights.shape} do not belong to {count} comparators, "
                f"{sums} sums and {taps} taps"
            )
        if {self.channels.shape, self.loads.shape} != {(count,)} or self.heard.shape != (count, sums):
            raise ModelError(f"channels, loads and what is heard do not belong to {count} comparators")
        slow = () if self.slow is None else (self.slow.thresholds,)
        if min(int(v.min(initial=1)) for v in (self.thresholds, *slow, self.sums.quanta, self.divisors)) < 1:
            raise ModelError("thresholds, quanta and divisors are at least 1")
        if self.divisors.shape != (len(self.kinds) * SUB_BAND_GROUPS,) or not self.kinds:
            raise ModelError(f"{self.divisors.shape} divisors do not serve the read-outs of {self.kinds}")
        if self.slow is not None and self.slow.weights.shape[1] != count:
            raise ModelError(f"slow neurons do not listen to {count} comparators")
        if self.gates is not None and (
            len(self.gates.weights) != count
            or not 0 <= self.gates.taps.min(initial=0) <= self.gates.taps.max(initial=0) < taps
        ):
            raise ModelError(f"gates do not belong to {count} comparators and {taps} taps")
        fed = np.concatenate([self.channels] if self.slow is None else [self.channels, self.slow.channels])
        if not 0 <= int(fed.min(initial=0)) <= int(fed.max(initial=0)) < len(self.divisors):
            raise ModelError(f"{len(self.divisors)} read-outs do not serve the channels of the comparators")

    @property
    def rows(self) -> int:
        """Errors of levels; comparators come in blocks of as many, each a sign and a threshold."""
        return len(self.sums.quanta) - SUB_BAND_GROUPS * sum(kind != DRIFT_KIND for kind in self.kinds)

    def to_network(self) -> Network:
        """Lay the circuit out as neurons and synapses."""
        return self.wired().network

    def wired(self) -> WiredCircuit:
        """The same, and where everything is among the neurons."""
        labels = [f"band {band}" for band in range(self.bands)]
        builder = NetworkBuilder(self.bands, input_labels=labels)
        taps = self._relays(builder)
        readouts = [
            builder.add_neuron(
                theta_p=2 * int(d) - 1,
                w_fb=2 * int(d),
                label=f"{self.kinds[c // SUB_BAND_GROUPS]} group {c % SUB_BAND_GROUPS}",
            )
            for c, d in enumerate(self.divisors)
        ]
        heard = self._sums(builder, taps)
        comparators = self._comparators(builder, taps, heard, readouts)
        if self.slow is not None:
            _add_slow(builder, self.slow, comparators, readouts)
        for neuron in readouts:
            builder.output(neuron)
        places = ([heard.get(number, -1) for number in range(len(self.sums.quanta))], comparators)
        sums, neurons = (np.maximum(np.array(part, np.int64) - self.bands, -1) for part in places)
        return WiredCircuit(builder.build(), np.array(taps, np.int64), sums, neurons)

    def _comparators(
        self, builder: NetworkBuilder, taps: list[int], heard: dict[int, int], readouts: list[int]
    ) -> list[int]:
        """Source number of each comparator; read-outs listen to it."""
        sources, gates = [], self.gates
        edges = {} if gates is None else add_gates(builder, gates, taps, (self.relay_weight, self.relay_leak))
        for number, channel in enumerate(self.channels.tolist()):
            kind = self.kinds[channel // SUB_BAND_GROUPS]
            threshold = int(self.thresholds[number])
            neuron = builder.add_neuron(theta_p=threshold, decay=self.leak, label=f"{kind} comparator")
            for tap in np.flatnonzero(self.weights[number]):
                builder.connect(taps[int(tap)], neuron, int(self.weights[number, tap]))
            for one in np.flatnonzero(self.heard[number]):
                builder.connect(heard[int(one)], neuron, int(self.heard[number, one]))
            if gates is not None:
                for gate in np.flatnonzero(gates.weights[number]).tolist():
                    builder.connect(edges[gate], neuron, int(gates.weights[number, gate]))
            sources.append(builder.source_of(neuron))
            builder.connect(sources[-1], readouts[channel], 2 * int(self.loads[number]))
        return sources

    @property
    def _listened(self) -> Integers:
        """Sums that a comparator listens to; the others are left out."""
        found: Integers = np.flatnonzero((self.heard != 0).any(axis=0)).astype(np.int32)
        return found

    def _sums(self, builder: NetworkBuilder, taps: list[int]) -> dict[int, int]:
        """Source number of each sum that is listened to."""
        sources = {}
        for number in self._listened.tolist():
            quantum = int(self.sums.quanta[number])
            neuron = builder.add_neuron(
                theta_p=quantum, negative=True, w_fb=quantum, decay=self.leak, label=f"sum {number}"
            )
            for tap in np.flatnonzero(self.sums.weights[number]):
                builder.connect(taps[int(tap)], neuron, int(self.sums.weights[number, tap]))
            sources[number] = builder.source_of(neuron)
        return sources

    def _relays(self, builder: NetworkBuilder) -> list[int]:
        """Source number of each tap; relays are made only as far back as a band is used."""
        full, half = self.relay_weight, (self.relay_weight + 1) // 2
        rows = np.concatenate([self.weights, self.sums.weights[self._listened]])
        heard = (rows != 0).any(axis=0)
        if self.gates is not None:
            heard[self.gates.taps] = True
        used = heard.reshape(self.delays + 1, self.bands)
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


def _add_slow(
    builder: NetworkBuilder, slow: DriftIntegrators, comparators: list[int], readouts: list[int]
) -> None:
    for number, channel in enumerate(slow.channels.tolist()):
        neuron = builder.add_neuron(
            theta_p=int(slow.thresholds[number]), decay=slow.leak, label=f"{DRIFT_KIND} neuron"
        )
        for one in np.flatnonzero(slow.weights[number]):
            builder.connect(comparators[int(one)], neuron, int(slow.weights[number, one]))
        builder.connect(builder.source_of(neuron), readouts[channel], 2 * int(slow.loads[number]))
