"""Fit of operating states: steady spectra of a machine, found in its normal sound without labels.

Mean spectra of five seconds that hardly change are clustered agglomeratively (average linkage) until all clusters are
separate. The quietest state is the stopped machine if one of its bands lies ten decibels below all other states and
none above any; a merely low speed does not meet this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from anomaly.detect.operating.states import OperatingState, OperatingStates, Spectrum
from anomaly.detect.operating.tracker import OperatingTracker

_WINDOW_S = 5
# Largest root mean square difference of the window means on both sides of a steady second, in dB.
_STEADY_DB = 1.5
# Least distance of two states, in dB and in standard deviations along the line between them.
_SEPARATE_DB, _SEPARATE_DEVIATIONS = 3.0, 3.0
# Least number of seconds, and least share of all seconds, of a state.
_LEAST_S, _LEAST_SHARE = 5, 0.01
_MOST_STATES, _MOST_POINTS = 12, 400
_ADDED_SPREAD_DB = 0.5
# The stopped state is this much quieter than all others in some band, and at most this much louder in any.
_STOPPED_DB, _LOUDER_DB = 10.0, 1.0
# Candidates for the penalty of a change of state, in units of log likelihood.
_PENALTIES = (8.0, 16.0, 32.0, 64.0)
# A state that is left after fewer seconds counts as flicker.
_FLICKER_S = 5
_LEAST_RAMP_S, _MOST_RAMP_S = 5, 30


def learn_states(recordings: Sequence[Spectrum]) -> OperatingStates:
    """Fit the operating states of a machine.

    Args:
        recordings: group levels of each second of each recording, [seconds, OPERATING_BANDS]; at least one second.
    """
    seconds = np.concatenate(recordings)
    means = [_moving_mean(recording) for recording in recordings]
    steady = np.concatenate([mean[_is_steady(mean)] for mean in means])
    centres = _cluster(steady if len(steady) >= _LEAST_S else np.concatenate(means))
    assigned = _nearest(np.concatenate(means), centres)
    least = max(_LEAST_S, _LEAST_SHARE * len(seconds))
    kept = [k for k in range(len(centres)) if (assigned == k).sum() >= least] or [
        int(np.bincount(assigned).argmax())
    ]
    assigned = _nearest(np.concatenate(means), centres[kept])
    near = [_without_outliers(seconds[assigned == k]) for k in range(len(kept))]
    centre = np.stack([np.median(part, axis=0) for part in near])
    spread = np.stack([part.std(axis=0) for part in near]) + _ADDED_SPREAD_DB
    return _with_change_penalty(
        OperatingStates(centre, spread, _stopped_state(centre), _PENALTIES[0], _MOST_RAMP_S), recordings
    )


def _moving_mean(recording: Spectrum) -> Spectrum:
    half = _WINDOW_S // 2
    means = [recording[max(0, t - half) : t + half + 1].mean(axis=0) for t in range(len(recording))]
    return np.stack(means)


def _is_steady(mean: Spectrum) -> npt.NDArray[np.bool_]:
    last = np.arange(len(mean))
    change = mean[np.minimum(last + 2, len(mean) - 1)] - mean[np.maximum(last - 2, 0)]
    return np.asarray(np.sqrt((change**2).mean(axis=1)) < _STEADY_DB)


def _cluster(points: Spectrum) -> Spectrum:
    """Return the centres of separate clusters, [states, OPERATING_BANDS]; average linkage on an even subsample."""
    chosen = points[np.linspace(0, len(points) - 1, min(len(points), _MOST_POINTS)).astype(int)]
    groups = [[point] for point in chosen]
    distance = np.sqrt(((chosen[:, None] - chosen[None]) ** 2).mean(axis=2))
    np.fill_diagonal(distance, np.inf)
    alive = list(range(len(groups)))
    while len(alive) > 1:
        i, j = divmod(int(distance.argmin()), len(chosen))
        if (
            distance[i, j] >= _SEPARATE_DB
            and len(alive) <= _MOST_STATES
            and _are_separate(groups[i], groups[j])
        ):
            break
        share = len(groups[i]) / (len(groups[i]) + len(groups[j]))
        joined = share * distance[i] + (1.0 - share) * distance[j]
        joined[i] = np.inf
        distance[i], distance[:, i] = joined, joined
        distance[j], distance[:, j] = np.inf, np.inf
        groups[i] += groups[j]
        alive.remove(j)
    centres: Spectrum = np.stack([np.mean(groups[k], axis=0) for k in alive])
    return centres


def _are_separate(one: list[Spectrum], other: list[Spectrum]) -> bool:
    """Return whether the distance of two clusters is large against their standard deviations along it."""
    a, b = np.stack(one), np.stack(other)
    along = b.mean(axis=0) - a.mean(axis=0)
    length = float(np.linalg.norm(along))
    scatter = max(float((part @ along / length).std()) for part in (a, b))
    return length >= _SEPARATE_DEVIATIONS * scatter


def _nearest(points: Spectrum, centres: Spectrum) -> npt.NDArray[np.intp]:
    return np.asarray(((points[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1))


def _without_outliers(seconds: Spectrum) -> Spectrum:
    """Return the seconds of a state without the outermost twentieth: ramps were assigned to some state, too."""
    off = np.abs(seconds - np.median(seconds, axis=0)).mean(axis=1)
    inner: Spectrum = seconds[off <= np.quantile(off, 0.95)]
    return inner


def _stopped_state(centre: Spectrum) -> int | None:
    quietest = int(centre.mean(axis=1).argmin())
    fall = np.delete(centre, quietest, axis=0) - centre[quietest]
    apart = fall.size and (fall.max(axis=1) >= _STOPPED_DB).all() and (fall > -_LOUDER_DB).all()
    return quietest if apart else None


def _with_change_penalty(states: OperatingStates, recordings: Sequence[Spectrum]) -> OperatingStates:
    """Choose the least change penalty with the fewest flickers; the longest ramp is twice the longest one found."""
    best: tuple[int, float, int] | None = None
    for penalty in _PENALTIES:
        tried = replace(states, change_penalty=penalty)
        paths = [_path(tried, recording) for recording in recordings]
        ramps = [length for path in paths for what, length in _runs(path) if what is OperatingState.RAMPING]
        found = (sum(map(_flickers, paths)), penalty, max(ramps, default=0))
        best = found if best is None or found < best else best
    _, penalty, longest = best if best is not None else (0, _PENALTIES[0], 0)
    return replace(
        states, change_penalty=penalty, longest_ramp_s=min(max(2 * longest, _LEAST_RAMP_S), _MOST_RAMP_S)
    )


def _path(states: OperatingStates, recording: Spectrum) -> list[OperatingState]:
    tracker = OperatingTracker(states)
    return [tracker.second(spectrum).operating for spectrum in recording]


def _flickers(path: list[OperatingState]) -> int:
    """Return the number of states, without the first and the last, that were left within a few seconds."""
    steady = [run for run in _runs(path) if run[0] in (OperatingState.RUNNING, OperatingState.STOPPED)]
    return sum(length < _FLICKER_S for _, length in steady[1:-1])


def _runs(path: list[OperatingState]) -> list[tuple[OperatingState, int]]:
    edges = [t for t in range(len(path)) if t == 0 or path[t] is not path[t - 1]]
    return [(path[a], b - a) for a, b in zip(edges, [*edges[1:], len(path)], strict=True)]
