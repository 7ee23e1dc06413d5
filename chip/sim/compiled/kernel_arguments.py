"""Structures that the compiled loop works on: named tuples of arrays, which Numba and plain Python both take.

A *place* is the number of a neuron in the order in which the engine keeps them (``tiles.neuron_order``), a
*tile* 32 consecutive places. A *code* stands for a spike: twice the place of its source, plus 1 if it is negative.
Inputs have the places after those of the neurons.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "InputBlock",
    "NeuronTables",
    "NoiseSource",
    "SpikeRecord",
    "StreamState",
    "SynapseTables",
    "TilePlan",
    "Variant",
    "Workspace",
]


class TilePlan(IntEnum):
    """Columns of ``SynapseTables.plan``: what is read for each event, few enough to stay in the nearest cache."""

    ROW = 0  # index of the first weight of its row
    TILE = 1  # twice the first of the two tiles its row is added to; plus 1 for more rows, listed synapses or a record
    RECORD = 2  # 256 times the column of the record that the spike goes to, plus its sign as one byte
    ARRIVED = 3  # count of its arrivals
    COLUMNS = 4


class Variant(IntEnum):
    """Variants that the loop is compiled for; the length of ``NeuronTables.variant`` is one of these numbers."""

    POSITIVE = 0  # no negative spikes, no leak
    SIGNED = 1  # negative spikes, no leak
    LEAKY = 2  # negative spikes and leak
    WIDE = 3  # added to one of the above: more tiles than a word has bits for flags


class SynapseTables(NamedTuple):
    """Effect of each spike, by its code.

    Args:
        plan: columns of ``TilePlan`` for each code, one code after the other.
        rows: 64 weights of each row, one after the other; row 0 holds zeros.
        row_begin: first further row of each code.
        row_end: one past its last row.
        row_at: place of the first neuron of each row.
        synapse_begin: first listed synapse of each code.
        synapse_end: one past its last one.
        synapse_at: place of the neuron at which each listed synapse ends.
        synapse_weight: weight of each listed synapse.
    """

    plan: NDArray[np.int32]
    rows: NDArray[Any]
    row_begin: NDArray[np.int64]
    row_end: NDArray[np.int64]
    row_at: NDArray[np.int64]
    synapse_begin: NDArray[np.int64]
    synapse_end: NDArray[np.int64]
    synapse_at: NDArray[np.int64]
    synapse_weight: NDArray[Any]


class NeuronTables(NamedTuple):
    """Parameters of the neurons.

    Args:
        parameters: seven vectors of 32 numbers for each tile, see ``chip.sim.compiled.tiles.neuron_parameters``.
        places: place of each neuron.
        variant: tuple of ``Variant`` zeros. Its length is part of its type, so known when the loop is compiled.
    """

    parameters: NDArray[Any]
    places: NDArray[np.int64]
    variant: tuple[int, ...]


class NoiseSource(NamedTuple):
    """Noise of the membranes.

    Args:
        table: equally likely values; empty for no noise.
        keys: key of the random numbers of each stream, see ``chip.sim.counter_rng``.
        first_step: number of the first step of this run.
    """

    table: NDArray[Any]
    keys: NDArray[np.uint64]
    first_step: int


class InputBlock(NamedTuple):
    """Input spikes of a run.

    Args:
        spikes: -1, 0 or +1 of each [step, stream, input]; the inputs fill whole vectors.
        gathered: buffer for the inputs of as many streams as are gathered at once, [stream, step, input].
    """

    spikes: NDArray[np.int8]
    gathered: NDArray[np.int8]


class StreamState(NamedTuple):
    """State between two runs, [stream, place].

    Args:
        membrane: membrane potentials.
        in_flight: spikes of the last step, which act in the next.
    """

    membrane: NDArray[Any]
    in_flight: NDArray[np.int8]


class Workspace(NamedTuple):
    """Buffers of the loop; currents and flags are zero between two runs.

    Args:
        events: codes of the spikes of a step; twice the room, because those with more to do are listed once more.
        current: sum of what arrives at each place in a step.
        active: 1 for each tile that has to be stepped.
    """

    events: NDArray[Any]
    current: NDArray[Any]
    active: NDArray[np.int8]


class SpikeRecord(NamedTuple):
    """Results of a run.

    Args:
        spikes: recorded spikes, [stream, step, column]; the last column takes those that are not recorded.
        peak: largest membrane at each place before saturation.
        pending: change in the number of spikes in flight at each place.
    """

    spikes: NDArray[np.int8]
    peak: NDArray[Any]
    pending: NDArray[np.int64]
