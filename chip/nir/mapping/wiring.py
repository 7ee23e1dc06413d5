"""Neurons and synapses of the network in progress: relays that delay spikes, copies that add up to large weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chip.arch import ArchSpec
from chip.nir.discretise import DiscreteNeurons
from chip.nir.mapping.quantise import Quantised

__all__ = ["Wiring"]

Integers = NDArray[np.int64]


class Wiring:
    """Columns of the network in progress.

    Sources are those of ``DiscreteNeurons``; the one after the last is the clock, a neuron with threshold 0, which
    fires in every step, and then comes one that fires in every second step. A source with a delay is the end of a chain
    of relay neurons. A weight beyond the range is the sum of several synapses, each from a copy of its source.

    Args:
        neurons: neurons of the graph.
        quantised: their integers.
        arch: ranges of the chip.
        relayed: whether inputs reach the neurons a step late.
    """

    def __init__(
        self, neurons: DiscreteNeurons, quantised: Quantised, arch: ArchSpec, *, relayed: bool
    ) -> None:
        self.neurons, self.arch = neurons, arch
        self.theta, self.feedback = quantised.theta.tolist(), quantised.feedback.tolist()
        self.shift, self.negative = quantised.shifts.tolist(), [False] * neurons.count
        self.labels = [neurons.name_of(neuron) for neuron in range(neurons.count)]
        self._synapses: list[Integers] = []
        self._ends: dict[tuple[int, int], list[int]] = {}
        self._offset = int(relayed)
        self._connect_all(quantised.synapses)

    def add(self, theta: int, feedback: int, negative: bool, label: str) -> int:
        """Add a neuron without a leak and return its number."""
        self.theta.append(theta)
        self.feedback.append(feedback)
        self.shift.append(0)
        self.negative.append(negative)
        self.labels.append(label)
        return len(self.theta) - 1

    def connect(self, sources: Integers, targets: Integers, weights: Integers) -> None:
        """Add synapses; sources are numbered inputs first, then neurons."""
        self._synapses.append(np.stack([sources, targets, weights]).astype(np.int64))

    def synapses(self) -> Integers:
        """Return source, target and weight of all synapses, int64[3, synapse]."""
        return np.concatenate([np.zeros((3, 0), np.int64), *self._synapses], axis=1)

    def _connect_all(self, synapses: Integers) -> None:
        target, source, delay, weight, group = synapses
        # The neuron that collects a group takes a step of its own.
        chain = self._chain_lengths(target, source, delay) - (group > 0)
        parts = np.where(group > 0, 1, np.maximum(1, -(-np.abs(weight) // self.arch.weight_max)))
        needed: dict[tuple[int, int], int] = {}
        for key, count in zip(zip(source.tolist(), chain.tolist(), strict=True), parts.tolist(), strict=True):
            needed[key] = max(needed.get(key, 1), count)
        # Inputs themselves have no copies: their weights are within the range, or cut to it.
        for key in sorted(needed):
            self._end(*key, needed[key])
        load: dict[tuple[int, int], int] = {}
        collectors: dict[tuple[int, int], int] = {}
        rows = zip(*(column.tolist() for column in (target, source, chain, weight, group)), strict=True)
        found: list[tuple[int, int, int]] = []
        for one_target, one_source, one_chain, one_weight, one_group in rows:
            key = one_source, one_chain
            ends = self._loaded(key, load) if self._is_clock(one_source) else self._ends[key]
            if one_group:
                collector = self._collector(collectors, one_target, one_group, one_weight)
                found.append((ends[0], collector, 1))
                continue
            used = min(-(-abs(one_weight) // self.arch.weight_max), len(ends))
            sign, (each, rest) = 1 if one_weight > 0 else -1, divmod(abs(one_weight), used)
            found += [(end, one_target, sign * (each + (at < rest))) for at, end in enumerate(ends[:used])]
        if found:
            self._synapses.append(np.array(found, np.int64).T)
        self._copy_synapses()

    def _collector(self, found: dict[tuple[int, int], int], target: int, group: int, weight: int) -> int:
        """Return the neuron that passes the spikes of a group of taps on, one a step."""
        if (target, group) not in found:
            signed = self.arch.neuron.negative_output.value
            collector = self.add(1, 1, signed, f"taps {group} of {self.labels[target]}")
            self.connect(*(np.array([one]) for one in (collector + self.neurons.n_inputs, target, weight)))
            found[target, group] = collector
        return found[target, group]

    def _chain_lengths(self, target: Integers, source: Integers, delay: Integers) -> Integers:
        """Return the relays that a spike passes between source and target.

        Every neuron takes a step, and frameworks pass layers without one: a spike that skips layers waits for those
        that do not. The clock acts from the step on in which the first spikes of inputs reach the layer.
        """
        layer = self.neurons.layer
        inner = np.clip(source - self.neurons.n_inputs, 0, max(self.neurons.count - 1, 0))
        before = layer[inner]
        forward = np.where(before == layer[target], 0, layer[target] - before - 1)
        chain = np.where(source < self.neurons.n_inputs, layer[target] + self._offset, forward) + delay
        clock = source >= self.neurons.n_sources
        return np.where(clock, np.maximum(layer[target] + self._offset - 1, 0) + delay, chain)

    def _end(self, source: int, chain: int, copies: int) -> list[int]:
        """Return the sources at the end of a chain of relays, at least ``copies``, and build what is missing."""
        ends = self._ends.setdefault((source, chain), [])
        if chain == 0 and not ends:
            ends.append(self._first(source))
        while len(ends) < copies and not (chain == 0 and source < self.neurons.n_inputs):
            ends.append(self._copy(source, chain, len(ends)))
        return ends

    def _is_clock(self, source: int) -> bool:
        return source >= self.neurons.n_sources

    def _first(self, source: int) -> int:
        return self._clock(source, 0) if self._is_clock(source) else source

    def _clock(self, source: int, number: int) -> int:
        """Add a neuron that fires in every step, or in every second one, and return it as a source."""
        if source == self.neurons.n_sources:
            return self.add(0, 0, False, f"clock {number}") + self.neurons.n_inputs
        before = self._end(self.neurons.n_sources, 0, 1)[0]
        half = self.add(2, 2, False, f"half clock {number}")
        self.connect(*(np.array([value]) for value in (before, half, 1)))
        return half + self.neurons.n_inputs

    def _copy(self, source: int, chain: int, number: int) -> int:
        """Add a relay at the end of a chain, or a copy of a neuron, whose synapses follow later."""
        more = f", copy {number}" if number else ""
        if chain:
            before = self._end(source, chain - 1, 1)[0]
            signed = source < self.neurons.n_inputs and self.arch.neuron.negative_output.value
            name = self._name(source)
            relay = self.add(1, 1, signed, f"{name} after {chain} step{'s' * (chain > 1)}{more}")
            self.connect(*(np.array([value]) for value in (before, relay, 1)))
            return relay + self.neurons.n_inputs
        if self._is_clock(source):
            return self._clock(source, number)
        neuron = source - self.neurons.n_inputs
        copy = self.add(self.theta[neuron], self.feedback[neuron], False, f"{self.labels[neuron]}{more}")
        self.shift[copy] = self.shift[neuron]
        return copy + self.neurons.n_inputs

    def _name(self, source: int) -> str:
        if self._is_clock(source):
            return "clock"
        if source < self.neurons.n_inputs:
            return self.neurons.input_names[source]
        return self.labels[source - self.neurons.n_inputs]

    def _loaded(self, key: tuple[int, int], load: dict[tuple[int, int], int]) -> list[int]:
        """Return ends of the clock with room for another synapse: a net drives so many and no more."""
        used = load.get(key, 0)
        load[key] = used + 1
        most = self.arch.routing.fan_out_load.value
        ends, first = self._ends[key], used // most
        copies = max(1, len(ends)) if first == 0 else first + 1
        return self._end(*key, copies)[first:] or ends

    def _copy_synapses(self) -> None:
        """Give copies of neurons the synapses of the neuron."""
        synapses = self.synapses()
        for (source, chain), ends in self._ends.items():
            inner = source - self.neurons.n_inputs
            if chain == 0 and 0 <= inner < self.neurons.count:
                rows = synapses[:, synapses[1] == inner]
                for end in ends[1:]:
                    self.connect(rows[0], np.full(rows.shape[1], end - self.neurons.n_inputs), rows[2])
