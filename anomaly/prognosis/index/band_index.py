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

    The index is compared with the lowest level that the machine has had for a while, because machines run in.

    Args:
        factor: amplitude ratio at which an alarm is due.
        window: recordings of a running median.
        count: medians in a row that must lie above.
        calm: recordings of the running median whose lowest value is the reference.
    """

    factor: float = 1.75
    window: int = 9
    count: int = 3
    calm: int = 51

    @property
    def level(self) -> float:
        """Natural logarithm of the factor."""
        return float(np.log(self.factor))


RULE = AlarmRule()


def band_index(amplitudes: BandAmplitudes, name: str, reference: int | None = None) -> IndexSeries:
    """Return the index: mean logarithm of the amplitudes over the lowest level so far.

    Args:
        amplitudes: of periodic recordings.
        name: of the machine or the folder.
        reference: number of first recordings that are normal; default: a tenth, at least 10.
    """
    count = reference_count(len(amplitudes.times_s)) if reference is None else reference
    values = above_calm(loudness(amplitudes.logarithms, count), count, RULE.calm)
    source = f"{RULE.factor:g} times the machine's own quietest level"
    return IndexSeries(name, "bands", amplitudes.times_s, values, RULE.level, source)


def reference_count(recordings: int) -> int:
    """Return the number of first recordings that are the reference."""
    return max(LEAST_REFERENCE, int(_REFERENCE_SHARE * recordings))


def loudness(logarithms: Values, reference: int) -> Values:
    """Return the mean logarithm of the amplitudes over their medians in the first recordings, [recordings]."""
    return np.asarray((logarithms - np.median(logarithms[:reference], axis=0)).mean(axis=1))


def above_calm(values: Values, reference: int, calm: int) -> Values:
    """Return values over the lowest running median so far, which is 0 in the first recordings and never above."""
    running = running_median(values, calm)
    running[: max(reference, calm)] = 0.0
    return np.asarray(values - np.minimum(np.minimum.accumulate(running), 0.0))


def first_alarm(values: Values, reference: int, rule: AlarmRule = RULE) -> int | None:
    """Return the index of the recording at which the alarm is raised, or None.

    Args:
        values: band index, [recordings].
        reference: first recordings, which raise none.
        rule: of the alarm.
    """
    above = running_median(values, rule.window) > rule.level
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
