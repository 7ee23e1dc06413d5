"""The student's circuit as integers: what distillation trains and what is compiled for the chip.

inputs       one signed event wire per band (send-on-delta events)
relays       K neurons per band and frame of delay, a shift register: earlier frames stay on the chip
sums         signed neurons with feedback of one quantum: the membrane integrates delta events, so it holds a weighted
             sum of *levels*, and its spikes are the delta code of that sum. They carry terms that many comparators
             share and that one comparator has no synapses for
comparators  one-sided neurons without feedback: the membrane holds a weighted sum of levels too, to the last unit, and
             the neuron fires in every step in which the membrane is at or beyond the threshold
drift        one-sided leaky neurons: integrate the comparators of one error, one sign less the other, and fire in
             every step in which the membrane is at or beyond a threshold
gates        where a machine's cycle has phases: neurons that detect the phase and shift the comparators' thresholds
             (`phases.gates`)
read-outs    one per kind and sub-band group: counts comparator spikes, divided by the load that can be on at
             once, so that a group with a constant error fires in every step and never builds up a backlog

Read-outs count in twos and their thresholds lie half-way between two counts, so that a chip whose weights deviate by
some per cent decides as the integers do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.errors import ModelError
from anomaly.student.arrays import Integers
from anomaly.student.circuit_parts import DRIFT_KIND, DriftIntegrators, SumNeurons
from anomaly.student.phases.gates import Gates, add_gates
from chip.builder import NetworkBuilder
from chip.network import Network


@dataclass(frozen=True, eq=False)
class WiredCircuit:
    """A circuit as a network, and the position of its parts in it.

    Args:
        network: the neurons and synapses.
        tap_sources: source number of each tap, inputs first, then neurons; -1 where its relay was not needed, [taps].
        sum_neurons: neuron of each sum, -1 where no comparator reads it, [sums].
        comparator_neurons: neuron of each comparator, [comparators].
    """

    network: Network
    tap_sources: npt.NDArray[np.int64]
    sum_neurons: npt.NDArray[np.int64]
    comparator_neurons: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Circuit:
    """Weights and thresholds of a student, as the integers that the chip takes.

    Args:
        bands: inputs.
        micro_steps: steps per frame (K).
        delays: frames of delay that relays provide; taps are numbered ``delay * bands + band``.
        kinds: of error, in the order of the read-outs.
        tap_weights: of each comparator and tap, [comparators, (delays + 1) * bands]; zero means no synapse.
        sums: neurons that comparators may read.
        sum_weights: weight of each comparator and sum, [comparators, sums]; zero means no synapse.
        thresholds: of each comparator's membrane, at least 1, [comparators].
        channels: read-out that each comparator feeds, ``kind * SUB_BAND_GROUPS + group``, [comparators].
        loads: weight of its spikes at the read-out, [comparators].
        divisors: load per spike of each read-out, [kinds * SUB_BAND_GROUPS].
        leak: n of the leak 2^-n of comparators and sums, 0 for none; that of the encoder.
        relay_weight: of a relay's synapse and feedback; the larger, the less mismatch matters to it.
        relay_leak: n of the leak 2^-n by which a relay decays what mismatch leaves, 0 for none.

        drift: integrators of the comparators' spikes, with read-outs of their own; their kind is the last. Or none.
        gates: neurons that detect phases and feed comparators. Or none.

    Raises:
        ModelError: shapes do not agree, or a threshold, quantum or divisor is below 1.
    """

    bands: int
    micro_steps: int
    delays: int
    kinds: tuple[str, ...]
    tap_weights: Integers
    sums: SumNeurons
    sum_weights: Integers
    thresholds: Integers
    channels: Integers
    loads: Integers
    divisors: Integers
    leak: int = 0
    relay_weight: int = 31
    relay_leak: int = 1
    drift: DriftIntegrators | None = None
    gates: Gates | None = None

    def __post_init__(self) -> None:
        taps, count, sums = (self.delays + 1) * self.bands, len(self.thresholds), len(self.sums.quanta)
        if self.tap_weights.shape != (count, taps) or self.sums.weights.shape != (sums, taps):
            raise ModelError(
                f"weights {self.tap_weights.shape} and {self.sums.weights.shape} do not belong to {count} comparators, "
                f"{sums} sums and {taps} taps"
            )
        if {self.channels.shape, self.loads.shape} != {(count,)} or self.sum_weights.shape != (count, sums):
            raise ModelError(f"channels, loads and weights of sums do not belong to {count} comparators")
        drift = () if self.drift is None else (self.drift.thresholds,)
        if min(int(v.min(initial=1)) for v in (self.thresholds, *drift, self.sums.quanta, self.divisors)) < 1:
            raise ModelError("thresholds, quanta and divisors are at least 1")
        if self.divisors.shape != (len(self.kinds) * SUB_BAND_GROUPS,) or not self.kinds:
            raise ModelError(f"{self.divisors.shape} divisors do not serve the read-outs of {self.kinds}")
        if self.drift is not None and self.drift.weights.shape[1] != count:
            raise ModelError(f"drift integrators do not read {count} comparators")
        if self.gates is not None and (
            len(self.gates.comparator_weights) != count
            or not 0 <= self.gates.split_taps.min(initial=0) <= self.gates.split_taps.max(initial=0) < taps
        ):
            raise ModelError(f"gates do not belong to {count} comparators and {taps} taps")
        fed = np.concatenate([self.channels] if self.drift is None else [self.channels, self.drift.channels])
        if not 0 <= int(fed.min(initial=0)) <= int(fed.max(initial=0)) < len(self.divisors):
            raise ModelError(f"{len(self.divisors)} read-outs do not serve the channels of the comparators")

    @property
    def filters(self) -> int:
        """Number of whitening filters; comparators come in blocks of as many, one block per sign and threshold."""
        return len(self.sums.quanta) - SUB_BAND_GROUPS * sum(kind != DRIFT_KIND for kind in self.kinds)

    def to_network(self) -> Network:
        """Lay the circuit out as neurons and synapses."""
        return self.wire().network

    def wire(self) -> WiredCircuit:
        """Lay the circuit out as neurons and synapses, and record the position of each part."""
        labels = [f"band {band}" for band in range(self.bands)]
        builder = NetworkBuilder(self.bands, input_labels=labels)
        taps = self._add_relays(builder)
        readouts = [
            builder.add_neuron(
                theta_p=2 * int(d) - 1,
                w_fb=2 * int(d),
                label=f"{self.kinds[c // SUB_BAND_GROUPS]} group {c % SUB_BAND_GROUPS}",
            )
            for c, d in enumerate(self.divisors)
        ]
        sum_sources = self._add_sums(builder, taps)
        comparators = self._add_comparators(builder, taps, sum_sources, readouts)
        if self.drift is not None:
            _add_drift_integrators(builder, self.drift, comparators, readouts)
        for neuron in readouts:
            builder.output(neuron)
        sources = ([sum_sources.get(number, -1) for number in range(len(self.sums.quanta))], comparators)
        sums, neurons = (np.maximum(np.array(part, np.int64) - self.bands, -1) for part in sources)
        return WiredCircuit(builder.build(), np.array(taps, np.int64), sums, neurons)

    @property
    def _used_sums(self) -> Integers:
        """Numbers of the sums that a comparator reads; the others are left out of the network."""
        found: Integers = np.flatnonzero((self.sum_weights != 0).any(axis=0)).astype(np.int32)
        return found

    def _add_relays(self, builder: NetworkBuilder) -> list[int]:
        """Add relays as far back as each band is used; return the source number of each tap."""
        full, half = self.relay_weight, (self.relay_weight + 1) // 2
        weights = np.concatenate([self.tap_weights, self.sums.weights[self._used_sums]])
        used_taps = (weights != 0).any(axis=0)
        if self.gates is not None:
            used_taps[self.gates.split_taps] = True
        used = used_taps.reshape(self.delays + 1, self.bands)
        sources = [[band] for band in range(self.bands)]
        for band in range(self.bands):
            longest = int(np.flatnonzero(used[:, band]).max(initial=0))
            for delay in range(1, longest + 1):
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

    def _add_sums(self, builder: NetworkBuilder, taps: list[int]) -> dict[int, int]:
        """Add the sums that are used; return their source numbers."""
        sources = {}
        for number in self._used_sums.tolist():
            quantum = int(self.sums.quanta[number])
            neuron = builder.add_neuron(
                theta_p=quantum, negative=True, w_fb=quantum, decay=self.leak, label=f"sum {number}"
            )
            for tap in np.flatnonzero(self.sums.weights[number]):
                builder.connect(taps[int(tap)], neuron, int(self.sums.weights[number, tap]))
            sources[number] = builder.source_of(neuron)
        return sources

    def _add_comparators(
        self, builder: NetworkBuilder, taps: list[int], sums: dict[int, int], readouts: list[int]
    ) -> list[int]:
        """Add gates and comparators, connect them to read-outs; return the source number of each comparator."""
        sources, gates = [], self.gates
        edges = {} if gates is None else add_gates(builder, gates, taps, (self.relay_weight, self.relay_leak))
        for number, channel in enumerate(self.channels.tolist()):
            kind = self.kinds[channel // SUB_BAND_GROUPS]
            threshold = int(self.thresholds[number])
            neuron = builder.add_neuron(theta_p=threshold, decay=self.leak, label=f"{kind} comparator")
            for tap in np.flatnonzero(self.tap_weights[number]):
                builder.connect(taps[int(tap)], neuron, int(self.tap_weights[number, tap]))
            for one in np.flatnonzero(self.sum_weights[number]):
                builder.connect(sums[int(one)], neuron, int(self.sum_weights[number, one]))
            if gates is not None:
                for gate in np.flatnonzero(gates.comparator_weights[number]).tolist():
                    builder.connect(edges[gate], neuron, int(gates.comparator_weights[number, gate]))
            sources.append(builder.source_of(neuron))
            builder.connect(sources[-1], readouts[channel], 2 * int(self.loads[number]))
        return sources


def _add_drift_integrators(
    builder: NetworkBuilder, drift: DriftIntegrators, comparators: list[int], readouts: list[int]
) -> None:
    for number, channel in enumerate(drift.channels.tolist()):
        neuron = builder.add_neuron(
            theta_p=int(drift.thresholds[number]), decay=drift.leak, label=f"{DRIFT_KIND} neuron"
        )
        for one in np.flatnonzero(drift.weights[number]):
            builder.connect(comparators[int(one)], neuron, int(drift.weights[number, one]))
        builder.connect(builder.source_of(neuron), readouts[channel], 2 * int(drift.loads[number]))
