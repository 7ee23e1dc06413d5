"""Pictures over time: the spectrogram of a sound, and a score with the sum that decides and its states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from anomaly.evaluate.reporting.canvas import INK, QUIET, STATES, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def spectrogram(
    level_db: npt.ArrayLike, *, hop_s: float, edges_hz: npt.ArrayLike | None = None, title: str = ""
) -> bytes:
    """Spectrogram: levels over time and frequency.

    Args:
        level_db: log-mel levels, shape [frames, bands], in dB.
        hop_s: time from frame to frame, in seconds.
        edges_hz: the ``bands + 1`` frequencies between the bands; without them bands are numbered.
        title: of the picture.
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
        axes.set(xlabel="time since the start of the sound, s", ylabel="mel band", title=title)
        if edges_hz is not None:
            edges = np.asarray(edges_hz, dtype=float)
            ticks = [f for f in (250, 500, 1000, 2000, 4000, 8000) if edges[0] <= f <= edges[-1]]
            names = [f"{f / 1000:g} kHz" if f >= 1000 else f"{f} Hz" for f in ticks]
            axes.set_yticks(np.interp(ticks, edges, np.arange(bands + 1)).tolist(), labels=names)
            axes.set(ylabel="frequency, mel scale")
        figure.colorbar(image, ax=axes, label="level, dB", pad=0.02).outline.set_visible(False)

    return png(draw, (9.0, 3.4))


def score_curve(
    times_s: npt.ArrayLike,
    scores: npt.ArrayLike,
    *,
    sums: npt.ArrayLike | None = None,
    limit: float | None = None,
    states: Sequence[str] | None = None,
    marks: Sequence[tuple[float, str]] = (),
    title: str = "",
) -> bytes:
    """Score over time, and below it the sum that the decision compares with its limit.

    Args:
        times_s: shape [n], in seconds since the start of the sound, rising.
        scores: shape [n], in standard deviations of normal sound.
        sums: CUSUM of the decision after each second, shape [n]; without it there is one panel.
        limit: limit of the sum, where ALARM begins; WATCH begins at half of it.
        states: OK, WATCH or ALARM (others are grey) from each time to the next, length n.
        marks: (time in seconds, text) of events such as "alert sent".
        title: of the picture.
    """
    times, values = np.asarray(times_s, dtype=float), np.asarray(scores, dtype=float)

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1 if sums is None else 2, 1, sharex=True, squeeze=False)[:, 0]
        panels[0].plot(times, values, color=INK, linewidth=1.1)
        panels[0].set(ylabel="score,\nstandard deviations")
        if sums is not None:
            _sum_panel(panels[1], times, np.asarray(sums, dtype=float), limit)
        panels[-1].set(xlabel="time since the start of the sound, s")
        if len(times) > 1:
            panels[0].set_xlim(times[0], times[-1])
        if states is not None:
            _states(panels[-1], times, states)
        _marks(panels[0], marks)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=11)

    return png(draw, (9.0, 3.6 if sums is None else 5.2))


def _sum_panel(
    axes: Axes, times: npt.NDArray[np.float64], sums: npt.NDArray[np.float64], limit: float | None
) -> None:
    """The decision's sum with the limits of ALARM and WATCH."""
    axes.plot(times, sums, color=INK, linewidth=1.1)
    axes.set(ylabel="sum of the decision,\nunusual seconds added up")
    if limit is None:
        return
    highest = max(limit, float(np.nanmax(sums, initial=0.0)))
    # Below zero there is room for the band of states.
    axes.set_ylim(-0.12 * highest, 1.15 * highest)
    for height, name in ((limit, "ALARM"), (0.5 * limit, "WATCH")):
        axes.axhline(height, color=STATES[name], linewidth=1.3, linestyle=(0, (4, 3)))
        axes.annotate(
            f"limit of {name}, {height:.1f}",
            (0.995, height),
            xycoords=("axes fraction", "data"),
            xytext=(0, 3),
            textcoords="offset points",
            color=INK,
            fontsize=9,
            ha="right",
        )


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
    for time_s, text in sorted(marks):
        axes.axvline(time_s, color=QUIET, linewidth=1, linestyle=(0, (1, 2)))
        # A text that would overlap the one before moves up.
        raised = not raised and time_s - last_s < 0.2 * (right - left)
        last_s = time_s
        height = 1.09 if raised else 1.02
        axes.text(
            time_s, height, text, transform=axes.get_xaxis_transform(), color=INK, fontsize=9, ha="center"
        )
