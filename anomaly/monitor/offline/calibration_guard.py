"""Calibration guard: refuses sound that is too short, does not score as normal, or holds cases without feedback."""

from __future__ import annotations

from anomaly.detect.calibration.calibration import Calibration
from anomaly.detect.calibration.versions import Source
from anomaly.detect.decision import Decision, State
from anomaly.errors import InputError
from anomaly.monitor.offline.case_span import case_span
from anomaly.readable import duration
from anomaly.store.cases.case import FEEDBACK, Case
from anomaly.store.store import Store

# A minute without an alarm bounds the rate at three a minute (rule of three); less supports no budget at all.
MIN_SOUND_S = 60
# A share of 0.01 of normal seconds has p <= 0.01 by definition; five times that is no chance among a minute or more.
_RARE_P, _MAX_RARE_SHARE = 0.01, 0.05
# Budget of the limit that the sound must stay below: that of the default configuration.
_GUARD_PER_DAY = 1.0
_HINT = "listen to it; if the machine is to sound so from now on, add --force"


def check_normal(source: Source, calibration: Calibration) -> None:
    """Refuse sound that is too short or does not score as normal.

    Args:
        source: new sound.
        calibration: in use.

    Raises:
        InputError: it is refused; the hint names the option that takes it all the same.
    """
    if source.seconds < MIN_SOUND_S:
        raise InputError(
            f"holds {duration(source.seconds)} of sound that can be used",
            where=source.what,
            hint=f"provide at least {MIN_SOUND_S} s, or add --force",
        )
    p_values = [[calibration.p_value(score) for score in recording] for recording in source.recordings]
    share = sum(p <= _RARE_P for recording in p_values for p in recording) / source.seconds
    if share > _MAX_RARE_SHARE:
        raise InputError(
            f"does not sound normal: {100 * share:.0f} of 100 seconds are rare in known normal sound, 1 is expected",
            where=source.what,
            hint=_HINT,
        )
    decision = Decision(calibration.limit(_GUARD_PER_DAY))
    for recording in p_values:
        decision.reset()
        if any(decision.update(p) is State.ALARM for p in recording):
            raise InputError("does not sound normal: it raises an alarm", where=source.what, hint=_HINT)


def cases_without_feedback(store: Store, machine: str, begin_s: float, end_s: float) -> list[Case]:
    """Return the machine cases of a time span for which feedback is missing.

    Args:
        store: of the monitor.
        machine: its name.
        begin_s: UNIX seconds.
        end_s: UNIX seconds.
    """
    events = store.history.events(machine=machine)
    reviewed = {event.case_id for event in events if event.event == FEEDBACK}
    cases = [case for case in store.cases.select(machine=machine) if case.kind == "machine"]
    spans = {case.id: case_span(case, end_s) for case in cases}
    return [
        case
        for case in cases
        if spans[case.id].begin_s < end_s and spans[case.id].end_s > begin_s and case.id not in reviewed
    ]
