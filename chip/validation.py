"""Validation of network descriptions: kinds, lengths and ranges, each refusal with its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.errors import NetworkError
from chip.naming import neuron_name, source_name

# Far above any member of the family, and low enough that no description can exhaust the memory.
MAX_INPUTS = 1 << 20
MAX_NEURONS = 1 << 20
MAX_SYNAPSES = 1 << 24
# Magnitudes: leaves room for sums in 64 bits and for negation in 32.
MAX_MAGNITUDE = 1 << 30
MAX_DECAY = 30

Columns = Mapping[str, NDArray[Any]]


def integer_vector(name: str, values: Any, kind: type[np.generic]) -> NDArray[Any]:
    """Copy ``values`` into a one-dimensional array of ``kind`` (int32 or bool).

    Raises:
        NetworkError: not one-dimensional, not integers, or out of range; ``where`` names the item.
    """
    try:
        array = np.asarray(values)
    except (ValueError, OverflowError) as error:
        raise NetworkError(f"is not a list of integers: {error}", where=name) from error
    if array.ndim != 1:
        raise NetworkError(f"has {array.ndim} dimensions instead of one", where=name)
    if array.size == 0:
        return np.zeros(0, dtype=kind)
    if array.dtype.kind not in ("b", "i", "u"):
        raise NetworkError(f"holds {array.dtype} instead of integers", where=name)
    low, high = (0, 1) if kind is np.bool_ else (-MAX_MAGNITUDE, MAX_MAGNITUDE)
    wrong = (array < low) | (array > high)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise NetworkError(f"is {array[at]}, not within {low}..{high}", where=f"{name}[{at}]")
    return array.astype(kind, copy=True)


def check_structure(
    n_inputs: int, columns: Columns, labels: Sequence[str], input_labels: Sequence[str]
) -> None:
    """Refuse a network whose parts do not fit together.

    Args:
        n_inputs: number of inputs.
        columns: neuron, synapse and output columns by the field names of ``Network``.
        labels: names of the neurons, or none.
        input_labels: names of the inputs, or none.

    Raises:
        NetworkError: with the field and index of the first offender.
    """
    _check_lengths(n_inputs, columns, labels, input_labels)
    n_neurons = columns["theta_p"].size
    for name in ("theta_p", "theta_n", "w_fb"):
        _check_range(name, columns[name], 0, MAX_MAGNITUDE)
    _check_range("decay", columns["decay"], 0, MAX_DECAY)
    _check_range("source", columns["source"], 0, n_inputs + n_neurons - 1)
    _check_range("target", columns["target"], 0, n_neurons - 1)
    _check_range("outputs", columns["outputs"], 0, n_neurons - 1)
    weight = columns["weight"]
    if (weight == 0).any():
        at = int(np.argmin(weight != 0))
        raise NetworkError("is zero", where=f"weight[{at}]", hint="leave synapses without weight out")
    _check_distinct(n_inputs, columns, labels, input_labels)


def _check_lengths(
    n_inputs: int, columns: Columns, labels: Sequence[str], input_labels: Sequence[str]
) -> None:
    n_neurons, n_synapses = columns["theta_p"].size, columns["weight"].size
    for count, limit, name in ((n_neurons, MAX_NEURONS, "neurons"), (n_synapses, MAX_SYNAPSES, "synapses")):
        if count > limit:
            raise NetworkError(f"{count} {name} are more than the {limit} a description may hold", where=name)
    expected = dict.fromkeys(("theta_n", "negative", "w_fb", "decay"), n_neurons)
    expected |= dict.fromkeys(("source", "target"), n_synapses)
    for name, length in expected.items():
        if (found := columns[name].size) != length:
            raise NetworkError(f"has {found} items instead of {length}", where=name)
    for name, names, length in (("labels", labels, n_neurons), ("input_labels", input_labels, n_inputs)):
        if len(names) not in (0, length):
            raise NetworkError(f"has {len(names)} items instead of {length} or none", where=name)


def _check_range(name: str, values: NDArray[np.int32], low: int, high: int) -> None:
    wrong = (values < low) | (values > high)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise NetworkError(f"is {values[at]}, not within {low}..{high}", where=f"{name}[{at}]")


def _check_distinct(
    n_inputs: int, columns: Columns, labels: Sequence[str], input_labels: Sequence[str]
) -> None:
    """Refuse a second synapse between the same two ends, and a neuron that is an output twice."""
    source, target, outputs = columns["source"], columns["target"], columns["outputs"]
    pair = target.astype(np.int64) * (n_inputs + columns["theta_p"].size) + source
    if (at := _first_duplicate(pair)) is not None:
        begin = source_name(int(source[at]), n_inputs, labels, input_labels)
        raise NetworkError(
            f"a second synapse from {begin} to {neuron_name(int(target[at]), labels)}",
            where=f"source[{at}], target[{at}]",
            hint="add the weights into one synapse",
        )
    if (at := _first_duplicate(outputs)) is not None:
        raise NetworkError(
            f"{neuron_name(int(outputs[at]), labels)} is an output twice", where=f"outputs[{at}]"
        )


def _first_duplicate(keys: NDArray[Any]) -> int | None:
    """Return the index of the first key that occurred before, or None."""
    order = np.argsort(keys, kind="stable")
    again = np.flatnonzero(np.diff(keys[order]) == 0)
    return int(order[again + 1].min()) if again.size else None
