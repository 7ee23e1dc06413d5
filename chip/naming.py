"""Names of neurons and sources in messages: the number, and the label where there is one."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["neuron_name", "source_name"]


def neuron_name(neuron: int, labels: Sequence[str]) -> str:
    """Return the name of a neuron; ``labels`` is empty for a network without labels."""
    return f"neuron {neuron} ({labels[neuron]})" if labels else f"neuron {neuron}"


def source_name(source: int, n_inputs: int, labels: Sequence[str], input_labels: Sequence[str]) -> str:
    """Return the name of a source: an input below ``n_inputs``, otherwise a neuron."""
    if source >= n_inputs:
        return neuron_name(source - n_inputs, labels)
    return f"input {source} ({input_labels[source]})" if input_labels else f"input {source}"
