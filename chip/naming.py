"""Names of neurons and sources in messages: the number, and the label where there is one."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["neuron_name", "shown", "source_name"]

_MAX_SHOWN = 80


def shown(name: str) -> str:
    """Return a name that comes from a file in a form that is safe to print: one line, no control characters, short."""
    # Twice the limit is escaped at most: a name may be megabytes long.
    safe = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in name[: 2 * _MAX_SHOWN])
    if len(safe) <= _MAX_SHOWN and len(name) <= 2 * _MAX_SHOWN:
        return safe
    # The end is kept: it holds the index of a neuron within its node.
    tail = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in name[-16:])[-16:]
    return f"{safe[: _MAX_SHOWN - 20]}…{tail}"


def neuron_name(neuron: int, labels: Sequence[str]) -> str:
    """Return the name of a neuron; ``labels`` is empty for a network without labels."""
    return f"neuron {neuron} ({shown(labels[neuron])})" if labels else f"neuron {neuron}"


def source_name(source: int, n_inputs: int, labels: Sequence[str], input_labels: Sequence[str]) -> str:
    """Return the name of a source: an input below ``n_inputs``, otherwise a neuron."""
    if source >= n_inputs:
        return neuron_name(source - n_inputs, labels)
    return f"input {source} ({shown(input_labels[source])})" if input_labels else f"input {source}"
