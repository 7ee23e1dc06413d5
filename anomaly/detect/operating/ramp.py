"""The ramp rule: seconds of a possible ramp are held until the next state shows whether they count.

The live monitor, the scoring of recordings, calibration and replay all use `RampBuffer`, so that they agree on which
seconds the decision takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from anomaly.detect.operating.states import OperatingState, OperatingStates, Spectrum
from anomaly.detect.operating.tracker import OperatingResult, OperatingTracker

Item = TypeVar("Item")


class RampBuffer(Generic[Item]):
    """Holds the seconds of a possible ramp and returns those that count, in the order of time.

    Every second must be passed to `push`, also one that cannot be judged: `OperatingResult.late` counts all of them.
    """

    def __init__(self) -> None:
        self._held: list[Item] = []

    def push(self, result: OperatingResult, item: Item) -> list[Item]:
        """Take one second and return the seconds that count now.

        Args:
            result: operating state of the second.
            item: the second, in whatever form the caller keeps it.

        Returns:
            The held seconds that proved to be no ramp, then ``item`` itself if it counts at once.
        """
        if result.operating is OperatingState.RAMPING:
            self._held.append(item)
            return []
        # After `clear` fewer seconds are held than the tracker counts.
        late = self._held[max(0, len(self._held) - result.late) :]
        self._held = []
        return [*late, item] if result.counts else late

    def release(self) -> list[Item]:
        """Return all held seconds: when the sound ends, nothing will show whether they were a ramp."""
        held, self._held = self._held, []
        return held

    def clear(self) -> None:
        """Drop all held seconds."""
        self._held = []


def decision_mask(results: Sequence[OperatingResult], *, end_counts: bool = True) -> list[bool]:
    """Return for each second whether the decision takes it, at once or late.

    Args:
        results: operating state of each second, in the order of time.
        end_counts: whether a possible ramp at the end counts. It does for an alarm, as in the live monitor. It does
            not where sound teaches what is normal.
    """
    mask = [False] * len(results)
    buffer = RampBuffer[int]()
    for number, result in enumerate(results):
        for counted in buffer.push(result, number):
            mask[counted] = True
    for counted in buffer.release() if end_counts else []:
        mask[counted] = True
    return mask


def recording_decision_mask(states: OperatingStates, spectra: Spectrum) -> list[bool]:
    """Return the decision mask of a recording that begins in an unknown state, without a possible ramp at its end.

    Args:
        states: of the machine.
        spectra: group levels of each second, [seconds, OPERATING_BANDS], in dB.
    """
    tracker = OperatingTracker(states)
    return decision_mask([tracker.second(spectrum) for spectrum in spectra], end_counts=False)
