"""Pictures of a conversion: curve, confusion, spikes and membranes of each layer."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from chip.distil.convert import Conversion
from chip.distil.spike_forward import membranes, spike_trains

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_confusion", "draw_curve", "draw_layers"]

_DPI = 110
# Neurons of a layer that are drawn.
_MOST = 48


def draw_curve(curve: Sequence[dict[str, float]]) -> bytes:
    """Agreement and operations against steps."""
    figure = _figure(6.4, 3.2)
    axes = figure.add_subplot()
    steps = [point["steps"] for point in curve]
    axes.plot(steps, [point["agreement"] for point in curve], "o-", color="#1f6fb4")
    axes.set_xscale("log", base=2)
    axes.set_xlabel("steps of the input code")
    axes.set_ylabel("agreement with the network", color="#1f6fb4")
    other = axes.twinx()
    other.plot(steps, [point["sop"] for point in curve], "s--", color="#b3541e")
    other.set_ylabel("operations a sample", color="#b3541e")
    return _png(figure)


def draw_confusion(table: Sequence[Sequence[int]]) -> bytes:
    """Counts of each class and predicted class."""
    figure = _figure(5.0, 4.2)
    axes = figure.add_subplot()
    counts = np.array(table)
    axes.imshow(counts, cmap="Blues")
    if len(counts) <= 16:
        for row, column in np.ndindex(*counts.shape):
            dark = counts[row, column] > counts.max() / 2
            axes.text(
                column, row, str(counts[row, column]), ha="center", va="center", color="w" if dark else "k"
            )
    axes.set_xlabel("class by the chip")
    axes.set_ylabel("class")
    return _png(figure)


def draw_layers(conversion: Conversion, spikes: NDArray[np.int8]) -> bytes:
    """Spikes and membranes of the first neurons of each layer, one sample."""
    student = conversion.candidate.student
    trains = spike_trains(student, torch.tensor(spikes, dtype=torch.float32))
    potentials = membranes(student, trains)
    layers = student.shape.layers
    figure = _figure(9.0, 2.4 * len(layers))
    grid = figure.subplots(len(layers), 2, squeeze=False)
    for row, layer, train, potential in zip(grid, layers, trains[1:], potentials, strict=True):
        _panel(row[0], train[:, 0, :_MOST].T.numpy(), f"{layer.name}: spikes", 1.0)
        _panel(row[1], potential[:, 0, :_MOST].T.numpy(), f"{layer.name}: membrane / threshold", 2.0)
    return _png(figure)


def _panel(axes: Any, values: NDArray[Any], title: str, limit: float) -> None:
    axes.imshow(values, aspect="auto", cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
    axes.set_title(title, fontsize=9)
    axes.set_xlabel("step", fontsize=8)
    axes.set_ylabel("neuron", fontsize=8)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None}, facecolor="white")
    return buffer.getvalue()
