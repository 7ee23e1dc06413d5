"""Health index of band amplitudes: how much louder a machine is than in its own first recordings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anomaly.prognosis.index.band_amplitudes import BandAmplitudes
from anomaly.prognosis.index.series import IndexSeries, Values

# Recordings that a reference needs, and the share of all that it takes.
LEAST_REFERENCE, _REFERENCE_SHARE = 10, 0.1


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """Alarm of a band index.

    A failing bearing raises the whole spectrum, while load and lubrication raise a part of it: both halves of the bands
    must be louder, or all of them together far louder. Levels are compared with the lowest that the machine has had for
    a while, because machines run in. Chosen on the six lives of `benchmarks/lives.py`, see docs/trend.md.

    Args:
        factor: amplitude ratio of both halves at which an alarm is due.
        overall_factor: amplitude ratio of all bands that counts as much.
        window: values of a running median.
        count: medians in a row that must lie above.
        calm: recordings of the running median whose lowest value is the reference.
    """

    factor: float = 1.65
    overall_factor: float = 2.7
    window: int = 3
    count: int = 2
    calm: int = 51

    @property
    def level(self) -> float:
        """Natural logarithm of the factor."""
        return float(np.log(self.factor))


RULE = AlarmRule()


def band_index(amplitudes: BandAmplitudes, name: str, reference: int | None = None) -> IndexSeries:
    """Return the index: how much louder than at its quietest the machine is in both halves of the bands.

    Args:
        amplitudes: of periodic recordings.
        name: of the machine or the folder.
        reference: number of first recordings that are normal; default: a tenth, at least 10.
    """
    count = reference_count(len(amplitudes.times_s)) if reference is None else reference
    values = index_values(amplitudes.logarithms, count)
    source = f"{RULE.factor:g} times the machine's own quietest level"
    return IndexSeries(name, "bands", amplitudes.times_s, values, RULE.level, source)


def reference_count(recordings: int) -> int:
    """Return the number of first recordings that are the reference."""
    return max(LEAST_REFERENCE, int(_REFERENCE_SHARE * recordings))


def index_values(logarithms: Values, reference: int, rule: AlarmRule = RULE) -> Values:
    """Return the index of each recording, natural logarithms of amplitude ratios, [recordings].

    Args:
        logarithms: of the amplitudes, [recordings, bands].
        reference: number of first recordings that are normal.
        rule: with the weight of all bands together.
    """
    half = logarithms.shape[1] // 2
    parts = (logarithms[:, :half], logarithms[:, half:], logarithms)
    low, high, overall = (above_calm(loudness(part, reference), reference, rule.calm) for part in parts)
    return np.asarray(np.maximum(np.minimum(low, high), overall - np.log(rule.overall_factor / rule.factor)))


def loudness(logarithms: Values, reference: int) -> Values:
    """Return the mean logarithm of the amplitudes over their medians in the first recordings, [recordings]."""
    return np.asarray((logarithms - np.median(logarithms[:reference], axis=0)).mean(axis=1))


def above_calm(values: Values, reference: int, calm: int) -> Values:
    """Return values over the lowest running median so far, which is 0 in the first recordings and never above."""
    running = running_median(values, calm)
    running[: max(reference, calm)] = 0.0
    return np.asarray(values - np.minimum(np.minimum.accumulate(running), 0.0))


def first_alarm(
    values: Values, reference: int, level: float = RULE.level, rule: AlarmRule = RULE
) -> int | None:
    """Return the position of the value at which the alarm is raised, or None.

    Args:
        values: index, [n].
        reference: first values, which raise none.
        level: alarm level of the index.
        rule: window and count.
    """
    if len(values) < rule.count:
        return None
    above = running_median(values, rule.window) >= level
    above[:reference] = False
    runs = np.lib.stride_tricks.sliding_window_view(above, rule.count).all(axis=1)
    return int(np.argmax(runs)) + rule.count - 1 if runs.any() else None


def running_median(values: Values, window: int) -> Values:
    """Return the median of the last values at each one, of fewer at the beginning."""
    first = [np.median(values[: at + 1]) for at in range(min(window - 1, len(values)))]
    if len(values) < window:
        return np.array(first)
    rest = np.median(np.lib.stride_tricks.sliding_window_view(values, window), axis=1)
    return np.concatenate([first, rest])
