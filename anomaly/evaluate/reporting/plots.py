"""Pictures of detection figures and chip use, from arrays to the bytes of a PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from anomaly.evaluate.reporting.canvas import ANOMALY, INK, NORMAL, PALE, QUIET, SERIES, png

if TYPE_CHECKING:
    from matplotlib.figure import Figure


# Strokes of a line and its gaps, in widths: the first one is drawn through.
_DASHES = ("-", (0, (4, 1.6)), (0, (1.4, 1.4)), (0, (6, 1.4, 1.4, 1.4)))


def roc(curves: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]], *, max_fpr: float = 0.1) -> bytes:
    """ROC curves, one per detector, with the range of the partial AUC shaded.

    Args:
        curves: name → (false positive rates, true positive rates), shape [points] each, rising.
        max_fpr: right end of the shaded range.
    """

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.axvspan(0, max_fpr, color=PALE, label=f"pAUC: at most {max_fpr:.0%} false alarms")
        axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle=(0, (4, 4)), label="chance")
        for index, (name, (fpr, tpr)) in enumerate(curves.items()):
            area = float(np.trapezoid(np.asarray(tpr, dtype=float), np.asarray(fpr, dtype=float)))
            colour = SERIES[index % len(SERIES)]
            # Curves that coincide are all seen: each later one is thinner, and dashed.
            width, dash = max(3.4 - 0.8 * index, 1.0), _DASHES[index % len(_DASHES)]
            axes.plot(
                fpr, tpr, color=colour, linewidth=width, linestyle=dash, label=f"{name}, AUC {area:.3f}"
            )
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02), aspect="equal")
        axes.set(xlabel="share of normal clips that raise an alarm", ylabel="share of anomalies found")
        axes.legend(loc="lower right")

    return png(draw, (5.6, 5.4))


def score_histogram(
    normal: npt.ArrayLike,
    anomalous: npt.ArrayLike,
    *,
    threshold: float | None = None,
    marked: str = "threshold",
    of: str = "clips",
) -> bytes:
    """Histogram of the scores of normal and anomalous sound.

    Args:
        normal: scores of normal clips, shape [n]; may be empty.
        anomalous: scores of anomalous clips, shape [m]; may be empty.
        threshold: drawn as a line, in units of the scores.
        marked: label of the line.
        of: items with one score each, such as clips or seconds.
    """
    groups = {"normal": np.asarray(normal, dtype=float), "anomaly": np.asarray(anomalous, dtype=float)}

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        everything = np.concatenate([*groups.values(), [] if threshold is None else [threshold]])
        bins = np.histogram_bin_edges(everything, bins=32) if len(everything) else np.linspace(0, 1, 2)
        for (name, scores), colour in zip(groups.items(), (NORMAL, ANOMALY), strict=True):
            if len(scores):
                axes.hist(
                    scores, bins=list(bins), color=colour, alpha=0.72, label=f"{name}, {len(scores)} {of}"
                )
        if threshold is not None:
            axes.axvline(threshold, color=INK, linewidth=1.4, linestyle=(0, (4, 3)), label=marked)
        axes.set(xlabel="score", ylabel=of)
        if len(everything):
            axes.legend()

    return png(draw, (7.2, 3.4))


def heat_map(
    values: npt.ArrayLike,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    label: str = "AUC",
    limits: tuple[float, float] = (0.5, 1.0),
) -> bytes:
    """Heat map of a table of figures, such as the AUC per fault and detector.

    Args:
        values: shape [rows, columns]; NaN is left white.
        rows: names, from the top.
        columns: names, from the left.
        label: name of the figures.
        limits: values of the palest and the darkest colour.
    """
    table = np.asarray(values, dtype=float)

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        image = axes.imshow(table, cmap="YlGnBu", vmin=limits[0], vmax=limits[1], aspect="auto")
        axes.set_xticks(range(len(columns)), labels=list(columns))
        axes.set_yticks(range(len(rows)), labels=list(rows))
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        middle = limits[0] + 0.6 * (limits[1] - limits[0])
        for (row, column), value in np.ndenumerate(table):
            if np.isfinite(value):
                colour = "white" if value > middle else INK
                axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour)
        figure.colorbar(image, ax=axes, label=label, pad=0.02).outline.set_visible(False)

    return png(draw, (2.8 + 1.1 * len(columns), 1.3 + 0.42 * len(rows)))


def confusion(true_alarms: int, missed: int, false_alarms: int, true_silence: int) -> bytes:
    """Confusion matrix of clips at a limit, with counts and shares."""
    counts = np.array([[true_silence, false_alarms], [missed, true_alarms]])
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        good = np.eye(2, dtype=bool)
        for (row, column), count in np.ndenumerate(counts):
            colour = NORMAL if good[row, column] else ANOMALY
            alpha = 0.12 + 0.75 * float(share[row, column])
            axes.fill_between([column, column + 1], row, row + 1, color=colour, alpha=alpha, linewidth=0)
            ink = "white" if alpha > 0.6 else INK
            centre = (column + 0.5, row + 0.44)
            axes.text(*centre, str(count), ha="center", va="center", color=ink, fontsize=20)
            axes.text(centre[0], row + 0.72, f"{share[row, column]:.0%}", ha="center", va="center", color=ink)
        axes.set(xlim=(0, 2), ylim=(2, 0))
        axes.set_xticks([0.5, 1.5], labels=["no alarm", "alarm"])
        axes.set_yticks([0.5, 1.5], labels=["normal", "anomaly"])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)

    return png(draw, (4.2, 3.4))


def chip_use(resources: Mapping[str, tuple[float, float]]) -> bytes:
    """Bars of the share of each chip resource that a network uses.

    Args:
        resources: name → (used, available), in the order to show, such as neurons and synapses.
    """

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        for row, (used, available) in enumerate(resources.values()):
            share = used / available if available else 0.0
            axes.barh(row, 1.0, color=PALE, height=0.56)
            axes.barh(row, min(share, 1.0), color=ANOMALY if share > 1.0 else NORMAL, height=0.56)
            text = f"{used:,.0f} of {available:,.0f} ({share:.0%})"
            axes.text(1.02, row, text, va="center", color=INK)
        axes.set_yticks(range(len(resources)), labels=list(resources))
        axes.invert_yaxis()
        axes.set(xlim=(0, 1.45), xticks=[])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)

    return png(draw, (8.0, 0.6 + 0.46 * len(resources)))
