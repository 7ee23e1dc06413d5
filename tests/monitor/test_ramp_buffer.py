"""Held back is not dropped, unless it was a ramp."""

from __future__ import annotations

import numpy as np

from anomaly.detect.operating.states import OperatingResult, OperatingState
from anomaly.detect.scoring import SecondScore
from anomaly.monitor.ramp_buffer import RampBuffer

RUN, STOP, RAMP, UNKNOWN = (
    OperatingState.RUNNING,
    OperatingState.STOPPED,
    OperatingState.RAMPING,
    OperatingState.UNKNOWN,
)


def second(number: int, operating: OperatingState, counts: bool, late: int = 0) -> SecondScore:
    return SecondScore(number, 0.0, 0.5, np.zeros(16), OperatingResult(operating, counts, late))


def taken(*heard: tuple[OperatingState, bool, int]) -> list[list[int]]:
    held = RampBuffer()
    told = [held.take(second(number, *what)) for number, what in enumerate(heard)]
    return [[score.second for score in scores] for scores in [*told, held.release()]]


def test_what_counts_is_taken_at_once() -> None:
    assert taken((RUN, True, 0), (UNKNOWN, True, 0), (STOP, False, 0)) == [[0], [1], [], []]


def test_a_ramp_is_left_out() -> None:
    assert taken((RUN, True, 0), (RAMP, False, 0), (RAMP, False, 0), (STOP, True, 0)) == [
        [0],
        [],
        [],
        [3],
        [],
    ]
    assert taken((RAMP, False, 0), (STOP, False, 0), (RUN, True, 0)) == [[], [], [2], []]


def test_what_was_no_ramp_is_taken_late_and_in_order() -> None:
    assert taken((RAMP, False, 0), (RAMP, False, 0), (RUN, True, 2)) == [[], [], [0, 1, 2], []]


def test_what_is_held_back_at_the_end_counts() -> None:
    assert taken((RUN, True, 0), (RAMP, False, 0)) == [[0], [], [1]]
