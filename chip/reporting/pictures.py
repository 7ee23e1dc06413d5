"""Pictures of a compiled network: floorplan with connections, congestion map, spike raster."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chip.arch import ArchSpec
from chip.compiler import Compiled
from chip.connectivity import steps_from_inputs
from chip.errors import ChipError
from chip.layout.fabric import Fabric
from chip.network import Network
from chip.sim.simulator import Simulator
from chip.sim.stimulus import random_spikes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.figure import Figure

__all__ = ["PICTURES", "draw", "draw_raster"]

# File name and caption, in the order of a page.
PICTURES = {
    "floorplan.png": "Floorplan: every neuron in its cell, lines from each source to all of its targets.",
    "congestion.png": "Congestion: nets in each channel segment, and how many segments hold how many.",
    "raster.png": "Spikes of a run: neurons by their distance from the inputs, inputs below.",
}
_STEPS = 120
_PLUS, _MINUS, _INK, _PALE, _GREY = "#1f6fb4", "#d1495b", "#2f3437", "#e3e6e8", "#9aa1a6"
# Inches of the map, and of the whole picture.
_MAP, _WIDTH, _HEIGHT, _DPI = 7.0, 9.0, 7.6, 130


def draw(
    compiled: Compiled, arch: ArchSpec, spikes: NDArray[np.integer[Any]] | None = None
) -> dict[str, bytes]:
    """Draw the pictures as PNG files, by their names in ``PICTURES``; the same design gives the same bytes.

    Args:
        compiled: compiled network.
        arch: the chip it was compiled for.
        spikes: input of the raster, which shows the first stream, [step, stream, input]; by default sparse random.

    Raises:
        ChipError: Matplotlib is not installed.
    """
    _require_matplotlib()
    fabric = Fabric.of(arch)
    stimulus = random_spikes(compiled.network.n_inputs, _STEPS) if spikes is None else spikes
    figures = (_floorplan(compiled, fabric), _congestion(compiled, fabric), _of_run(compiled, arch, stimulus))
    return dict(zip(PICTURES, map(_png, figures), strict=True))


def _require_matplotlib() -> None:
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        hint = "pip install matplotlib; reports without pictures need nothing"
        raise ChipError("pictures need Matplotlib", where="pictures", hint=hint) from error


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None}, facecolor="white")
    return buffer.getvalue()


def _figure(title: str, columns: tuple[float, ...] = (1.0,)) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, _HEIGHT), layout="constrained")
    axes = figure.subplots(1, len(columns), squeeze=False, width_ratios=list(columns))[0].tolist()
    figure.suptitle(title, x=0.02, ha="left", fontsize=12, color=_INK)
    return figure, axes


def _map_axes(axes: Axes, fabric: Fabric) -> None:
    axes.set(xlim=(-3, fabric.columns + 2), ylim=(-3, fabric.rows + 2), aspect="equal")
    axes.tick_params(length=0, labelsize=8, colors=_INK)
    axes.set_xlabel("column", fontsize=9, color=_INK)
    axes.set_ylabel("row", fontsize=9, color=_INK)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _positions(compiled: Compiled, fabric: Fabric) -> NDArray[np.float64]:
    """Return the position of each block in the drawing, [block, 2]: output pads lie outside of the input pads."""
    at = fabric.position[compiled.implementation.design.placement.sites(fabric)].astype(np.float64)
    first = compiled.network.n_neurons + compiled.network.n_inputs
    pads = at[first:]
    edge = np.array([fabric.columns, fabric.rows])
    at[first:] = pads + 0.9 * (pads >= edge) - 0.9 * (pads < 0)
    return at


def _floorplan(compiled: Compiled, fabric: Fabric) -> Figure:
    from matplotlib.cm import ScalarMappable
    from matplotlib.collections import LineCollection
    from matplotlib.colors import BoundaryNorm, to_rgba

    network, nets = compiled.network, compiled.implementation.nets
    figure, (axes,) = _figure(
        f"{network.n_neurons} neurons and {network.n_synapses} synapses on {fabric.columns} × {fabric.rows} cells"
    )
    at, depth = _positions(compiled, fabric), steps_from_inputs(network)
    deepest = max(1, int(depth.max(initial=1)))
    norm = BoundaryNorm(np.arange(-0.5, deepest + 1.5), 256)
    colour = ScalarMappable(norm, "viridis")
    # Depth of each block; that of outputs is not used.
    depths = np.concatenate([np.maximum(depth, 0), np.zeros(network.n_inputs + network.n_outputs, np.int64)])
    driver = np.repeat(nets.block[nets.start[:-1]], np.diff(nets.start))
    sinks = driver != nets.block
    lines = np.stack([at[driver[sinks]], at[nets.block[sinks]]], axis=1)
    alpha = float(np.clip(900 / max(1, len(lines)), 0.06, 0.6))
    axes.add_collection(
        LineCollection(
            list(lines), colors=colour.to_rgba(depths[driver[sinks]]), linewidths=0.5, alpha=alpha, zorder=1
        )
    )
    _cells(axes, fabric, _PALE, filled=False)
    size = _dot_size(fabric)
    cells, first_output = at[: network.n_neurons], network.n_neurons + network.n_inputs
    shades = colour.to_rgba(depths[: network.n_neurons])
    shades[depth < 0] = to_rgba(_GREY)
    axes.scatter(
        cells[:, 0], cells[:, 1], s=size, c=shades, marker="s", edgecolors="white", linewidths=0.4, zorder=3
    )
    pads = {"input": (at[network.n_neurons : first_output], "o"), "output": (at[first_output:], "D")}
    for (name, (place, marker)), shade in zip(pads.items(), (_INK, _MINUS), strict=True):
        axes.scatter(
            place[:, 0], place[:, 1], s=size / 3, c=shade, marker=marker, linewidths=0, zorder=3, label=name
        )
    _map_axes(axes, fabric)
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.07), ncols=2, frameon=False, fontsize=9)
    ticks = np.unique(np.linspace(0, deepest, min(deepest, 8) + 1).round())
    bar = figure.colorbar(colour, ax=axes, shrink=0.6, ticks=ticks)
    bar.set_label(
        "steps from the inputs; grey: none leads there; lines: of their source", fontsize=9, color=_INK
    )
    bar.ax.tick_params(labelsize=8, colors=_INK)
    return figure


def _dot_size(fabric: Fabric) -> float:
    """Return the area in square points of a marker that fills six tenths of a cell."""
    return float((0.6 * 72 * _MAP / (max(fabric.columns, fabric.rows) + 5)) ** 2)


def _cells(axes: Axes, fabric: Fabric, colour: str, *, filled: bool) -> None:
    """Draw all cells of the array, as outlines or as squares."""
    place = fabric.position[: fabric.n_cells]
    face, edge = (colour, "none") if filled else ("none", colour)
    axes.scatter(
        place[:, 0],
        place[:, 1],
        s=_dot_size(fabric),
        marker="s",
        facecolors=face,
        edgecolors=edge,
        linewidths=0.6,
        zorder=0,
    )


def _segments(fabric: Fabric) -> NDArray[np.float64]:
    """Return both ends of each channel segment on the map, [segment, end, 2]; see ``Fabric``."""
    k, x = np.divmod(np.arange((fabric.rows + 1) * fabric.columns), fabric.columns)
    across = np.stack([np.stack([x - 0.4, k - 0.5], 1), np.stack([x + 0.4, k - 0.5], 1)], 1)
    y, k = np.divmod(np.arange(fabric.rows * (fabric.columns + 1)), fabric.columns + 1)
    up = np.stack([np.stack([k - 0.5, y - 0.4], 1), np.stack([k - 0.5, y + 0.4], 1)], 1)
    return np.concatenate([across, up])


def _congestion(compiled: Compiled, fabric: Fabric) -> Figure:
    from matplotlib import colormaps
    from matplotlib.collections import LineCollection
    from matplotlib.colors import ListedColormap

    usage, width = compiled.implementation.routing.usage, fabric.width
    title = f"Fullest channel segment: {int(usage.max(initial=0))} of {width} tracks, mean {usage.mean():.1f}"
    figure, (axes, side) = _figure(title, (4.2, 1.0))
    thick = 0.42 * 72 * _MAP / (max(fabric.columns, fabric.rows) + 5)
    # Empty channels get a colour of their own.
    shades = colormaps["YlOrRd"](np.linspace(0.2, 1, 256))
    palette = ListedColormap(shades).with_extremes(under="#f3f4f5")
    lines = LineCollection(list(_segments(fabric)), cmap=palette, linewidths=thick, capstyle="butt", zorder=1)
    lines.set_array(usage)
    lines.set_clim(0.5, width)
    axes.add_collection(lines)
    _cells(axes, fabric, _PALE, filled=True)
    _map_axes(axes, fabric)
    axes.set(xlim=(-1, fabric.columns), ylim=(-1, fabric.rows))
    bar = figure.colorbar(lines, ax=axes, location="bottom", shrink=0.6, aspect=40)
    bar.set_label("nets in a segment", fontsize=9, color=_INK)
    bar.ax.tick_params(labelsize=8, colors=_INK)
    counts = np.bincount(usage, minlength=width + 1)
    side.barh(np.arange(counts.size), counts, height=0.9, color=lines.to_rgba(np.arange(counts.size)))
    side.axhline(width + 0.5, color=_INK, linewidth=1)
    side.text(
        counts.max(initial=1), width + 0.8, f"{width} tracks", ha="right", va="bottom", fontsize=8, color=_INK
    )
    side.set(ylim=(-0.6, width + 2.5), xlabel="segments", ylabel="nets")
    _plain(side)
    return figure


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8, colors=_INK)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set(fontsize=9, color=_INK)


def draw_raster(
    network: Network, inputs: NDArray[np.integer[Any]], neurons: NDArray[np.integer[Any]]
) -> bytes:
    """The spikes of one stream as a PNG file: neurons by their distance from the inputs, inputs below.

    Args:
        network: what ran.
        inputs: -1, 0 or +1 of each [step, input].
        neurons: the same of each [step, neuron].

    Raises:
        ChipError: Matplotlib is not installed.
    """
    _require_matplotlib()
    return _png(_raster(network, np.asarray(inputs), np.asarray(neurons)))


def _of_run(compiled: Compiled, arch: ArchSpec, spikes: NDArray[np.integer[Any]]) -> Figure:
    shown = np.asarray(spikes[:_STEPS, :1])
    neurons = Simulator(compiled.network, v_sat=arch.v_sat).run(shown, record="all").neurons
    return _raster(compiled.network, shown[:, 0], np.asarray(neurons)[:, 0])


def _spike_marks(step: NDArray[np.int64], row: NDArray[np.int64], colour: str) -> PolyCollection:
    """Return a mark for each spike, as wide as a step and as high as a row: larger ones would overstate activity."""
    from matplotlib.collections import PolyCollection

    corners = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])
    squares = np.stack([step, row], axis=1)[:, None] + corners
    return PolyCollection(list(squares), facecolors=colour, edgecolors="none", linewidths=0)


def _raster(network: Network, shown: NDArray[Any], neurons: NDArray[Any]) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    order = np.argsort(steps_from_inputs(network), kind="stable")
    fired = neurons[:, order]
    rows = np.concatenate([shown, fired], axis=1)
    figure = Figure(figsize=(_WIDTH, 6.4), layout="constrained")
    top, axes = figure.subplots(2, 1, sharex=True, height_ratios=[1, 4])
    handles = []
    for sign, colour in ((1, _PLUS), (-1, _MINUS)):
        step, row = np.nonzero(rows == sign)
        axes.add_collection(_spike_marks(step, row, colour))
        handles.append(Line2D([], [], color=colour, marker="s", linestyle="", label=f"{sign:+d}"))
        top.step(np.arange(len(rows)), (fired == sign).sum(axis=1), where="mid", color=colour, linewidth=1)
    axes.axhspan(-0.5, network.n_inputs - 0.5, color=_PALE, alpha=0.5, linewidth=0, zorder=0)
    axes.set(xlim=(-1, max(1, len(rows))), ylim=(-1, rows.shape[1]), xlabel="step")
    axes.set_ylabel(f"{network.n_inputs} inputs (shaded), {network.n_neurons} neurons")
    figure.legend(handles=handles, loc="upper right", ncols=2, frameon=False)
    for part in (axes, top):
        part.yaxis.get_major_locator().set_params(integer=True)
    top.set_ylabel("neurons that fire")
    figure.suptitle("One stream: spikes of inputs and neurons", x=0.02, ha="left", fontsize=12, color=_INK)
    for part in (axes, top):
        _plain(part)
    return figure
