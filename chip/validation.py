"""What makes a network a network: kinds, lengths and ranges, each refusal with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chip.errors import NetworkError

if TYPE_CHECKING:
    from chip.network import Network

# Far above any member of the family, and low enough that no description can exhaust the memory.
MAX_INPUTS = 1 << 20
MAX_NEURONS = 1 << 20
MAX_SYNAPSES = 1 << 24
# Magnitudes: leaves room for sums in 64 bits and for negation in 32.
MAX_MAGNITUDE = 1 << 30
MAX_DECAY = 30


def integer_vector(name: str, values: Any, kind: type[np.generic]) -> NDArray[Any]:
    """A private one-dimensional copy of ``values`` as ``kind`` (int32 or bool).

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


def check_structure(network: Network) -> None:
    """Refuse a network whose parts do not fit together.

    Raises:
        NetworkError: with the field and index of the first offender.
    """
    _check_lengths(network)
    for name in ("theta_p", "theta_n", "w_fb"):
        _within(name, getattr(network, name), 0, MAX_MAGNITUDE)
    _within("decay", network.decay, 0, MAX_DECAY)
    _within("source", network.source, 0, network.n_inputs + network.n_neurons - 1)
    _within("target", network.target, 0, network.n_neurons - 1)
    _within("outputs", network.outputs, 0, network.n_neurons - 1)
    if (network.weight == 0).any():
        at = int(np.argmin(network.weight != 0))
        raise NetworkError("is zero", where=f"weight[{at}]", hint="leave synapses without weight out")
    _check_distinct(network)


def _check_lengths(network: Network) -> None:
    n_neurons, n_synapses = network.theta_p.size, network.weight.size
    for count, limit, name in ((n_neurons, MAX_NEURONS, "neurons"), (n_synapses, MAX_SYNAPSES, "synapses")):
        if count > limit:
            raise NetworkError(f"{count} {name} are more than the {limit} a description may hold", where=name)
    expected = dict.fromkeys(("theta_n", "negative", "w_fb", "decay"), n_neurons)
    expected |= dict.fromkeys(("source", "target"), n_synapses)
    for name, length in expected.items():
        if (found := getattr(network, name).size) != length:
            raise NetworkError(f"has {found} items instead of {length}", where=name)
    for name, length in (("labels", n_neurons), ("input_labels", network.n_inputs)):
        if (found := len(getattr(network, name))) not in (0, length):
            raise NetworkError(f"has {found} items instead of {length} or none", where=name)


def _within(name: str, values: NDArray[np.int32], low: int, high: int) -> None:
    wrong = (values < low) | (values > high)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise NetworkError(f"is {values[at]}, not within {low}..{high}", where=f"{name}[{at}]")


def _check_distinct(network: Network) -> None:
    pair = network.target.astype(np.int64) * (network.n_inputs + network.n_neurons) + network.source
    if (at := _second_of_a_pair(pair)) is not None:
        source, target = int(network.source[at]), int(network.target[at])
        raise NetworkError(
            f"a second synapse from {network.source_name(source)} to {network.neuron_name(target)}",
            where=f"source[{at}], target[{at}]",
            hint="add the weights into one synapse",
        )
    if (at := _second_of_a_pair(network.outputs)) is not None:
        name = network.neuron_name(int(network.outputs[at]))
        raise NetworkError(f"{name} is an output twice", where=f"outputs[{at}]")


def _second_of_a_pair(keys: NDArray[Any]) -> int | None:
    order = np.argsort(keys, kind="stable")
    again = np.flatnonzero(np.diff(keys[order]) == 0)
    return int(order[again + 1].min()) if again.size else None
