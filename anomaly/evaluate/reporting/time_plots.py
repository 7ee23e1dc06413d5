"""Pictures over time: the spectrogram of a sound, and a score with its states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from anomaly.evaluate.reporting.canvas import ANOMALY, INK, QUIET, STATES, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def spectrogram(level_db: npt.ArrayLike, *, hop_s: float, edges_hz: npt.ArrayLike | None = None) -> bytes:
    """Levels over time and frequency.

    Args:
        level_db: log-mel levels, shape [frames, bands], in dB.
        hop_s: time from frame to frame, in seconds.
        edges_hz: the ``bands + 1`` frequencies between the bands; without them bands are numbered.
    """
    levels = np.asarray(level_db, dtype=float)
    frames, bands = levels.shape

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        # Quiet moments must not take all the colours: the palette spans what is usual.
        low, high = np.percentile(levels, [2, 99.7]) if levels.size else (0.0, 1.0)
        image = axes.imshow(
            levels.T,
            origin="lower",
            aspect="auto",
            cmap="magma",
            vmin=low,
            vmax=max(high, low + 1.0),
            extent=(0, frames * hop_s, 0, bands),
        )
        axes.set(xlabel="time, s", ylabel="mel band")
        if edges_hz is not None:
            edges = np.asarray(edges_hz, dtype=float)
            wanted = [f for f in (250, 500, 1000, 2000, 4000, 8000) if edges[0] <= f <= edges[-1]]
            names = [f"{f / 1000:g} kHz" if f >= 1000 else f"{f} Hz" for f in wanted]
            axes.set_yticks(np.interp(wanted, edges, np.arange(bands + 1)).tolist(), labels=names)
            axes.set(ylabel="frequency, mel scale")
        figure.colorbar(image, ax=axes, label="level, dB", pad=0.02).outline.set_visible(False)

    return png(draw, (9.0, 3.4))


def score_curve(
    times_s: npt.ArrayLike,
    scores: npt.ArrayLike,
    *,
    threshold: float | None = None,
    states: Sequence[str] | None = None,
    marks: Sequence[tuple[float, str]] = (),
    label: str = "score",
) -> bytes:
    """A score over time, with the state below it and what happened above it.

    Args:
        times_s: shape [n], in seconds, rising.
        scores: shape [n].
        threshold: drawn as a line, in units of the scores.
        states: OK, WATCH or ALARM (others are grey) from each time to the next, length n.
        marks: (time in seconds, words) of events such as "alert sent".
        label: what the scores are.
    """
    times, values = np.asarray(times_s, dtype=float), np.asarray(scores, dtype=float)

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.plot(times, values, color=INK, linewidth=1.1)
        if threshold is not None:
            axes.axhline(threshold, color=ANOMALY, linewidth=1.3, linestyle=(0, (4, 3)))
            axes.annotate(
                "threshold",
                (0.005, threshold),
                xycoords=("axes fraction", "data"),
                xytext=(0, 3),
                textcoords="offset points",
                color=ANOMALY,
                fontsize=9,
            )
        axes.set(xlabel="time, s", ylabel=label)
        if len(times) > 1:
            axes.set_xlim(times[0], times[-1])
        if states is not None:
            _states(axes, times, states)
        _marks(axes, marks)

    return png(draw, (9.0, 3.6))


def _states(axes: Axes, times: npt.NDArray[np.float64], states: Sequence[str]) -> None:
    """A coloured band under the curve, one stretch per run of equal states."""
    ends = np.append(times[1:], times[-1] + (np.median(np.diff(times)) if len(times) > 1 else 1.0))
    band = axes.get_xaxis_transform()
    starts = [i for i in range(len(states)) if i == 0 or states[i] != states[i - 1]]
    for start, stop in zip(starts, [*starts[1:], len(states)], strict=True):
        colour = STATES.get(states[start], QUIET)
        stretch = [times[start], ends[stop - 1]]
        axes.fill_between(stretch, 0, 0.035, color=colour, transform=band, linewidth=0, zorder=3)
    for name in dict.fromkeys(states):
        axes.plot([], [], color=STATES.get(name, QUIET), linewidth=6, label=name)
    axes.legend(loc="upper left", ncols=4, handlelength=1.0)


def _marks(axes: Axes, marks: Sequence[tuple[float, str]]) -> None:
    left, right = axes.get_xlim()
    raised, last_s = False, -np.inf
    for time_s, words in sorted(marks):
        axes.axvline(time_s, color=QUIET, linewidth=1, linestyle=(0, (1, 2)))
        # Words that would lie on those before them move up.
        raised = not raised and time_s - last_s < 0.2 * (right - left)
        last_s = time_s
        height = 1.09 if raised else 1.02
        axes.text(
            time_s, height, words, transform=axes.get_xaxis_transform(), color=INK, fontsize=9, ha="center"
        )
