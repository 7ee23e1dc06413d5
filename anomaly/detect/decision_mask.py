"""Which seconds of a recording the decision takes: those of the monitor, told when all of it has been heard."""

from __future__ import annotations

from collections.abc import Sequence

from anomaly.detect.operating.states import (
    OperatingResult,
    OperatingState,
    OperatingStates,
    OperatingTracker,
    Spectrum,
)


def decision_mask(heard: Sequence[OperatingResult], *, end_counts: bool = True) -> list[bool]:
    """Whether the decision takes each second, at once or late; stops and what proves to be a ramp it does not.

    Args:
        heard: what each second amounts to, in the order of time.
        end_counts: whether it takes what may be a ramp when the sound ends. The monitor does: nobody will know.
            Where normal sound teaches what is normal, what nobody knows is better left out.
    """
    takes = [second.counts for second in heard]
    for number, second in enumerate(heard):
        takes[number - second.late : number] = [True] * second.late
    number = len(heard)
    while end_counts and number and heard[number - 1].operating is OperatingState.RAMPING:
        number -= 1
        takes[number] = True
    return takes


def recording_decision_mask(states: OperatingStates, spectra: Spectrum) -> list[bool]:
    """Which seconds of a recording from rest the decision takes, what may be a ramp at its end left out.

    Args:
        states: of the machine.
        spectra: group levels of each second, [seconds, OPERATING_BANDS], in dB.
    """
    tracker = OperatingTracker(states)
    return decision_mask([tracker.second(spectrum) for spectrum in spectra], end_counts=False)
