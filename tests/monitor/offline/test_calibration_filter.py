"""What a calibration leaves out: sound it holds already."""

from __future__ import annotations

import pytest

from anomaly.detect.calibration.versions import Source
from anomaly.errors import InputError
from anomaly.monitor.offline.calibration_filter import (
    CalibrationInput,
    new_recordings,
    new_rows,
    rows_of,
)
from anomaly.store.rows import ScoreRow, StateRow
from anomaly.store.state_kinds import model_label

HELD = Source("since", "an hour", 100.0, 109.0, ((1.0, 2.0),))


def rows(begin: int, end: int) -> list[ScoreRow]:
    return [ScoreRow("pump", float(k), k, 0.5, 0.5, "OK") for k in range(begin, end)]


def test_a_recording_counts_once() -> None:
    assert new_recordings([(3.0,), (1.0, 2.0), (3.0,), (4.0,)], [HELD]) == (((3.0,), (4.0,)), 3)
    assert new_recordings([], [HELD]) == ((), 0)


def test_time_that_was_taken_is_not_taken_again() -> None:
    assert [row.second for row in new_rows(rows(95, 115), [HELD])] == [*range(95, 100), *range(110, 115)]


def test_a_recording_holds_no_time() -> None:
    recording = Source("from", "a.wav", 0.0, 0.0, ((1.0,),))
    assert len(new_rows(rows(0, 5), [recording])) == 5


def test_nothing_new_is_refused_with_what_was_left_out() -> None:
    CalibrationInput(HELD).check_any()
    assert CalibrationInput(HELD).reasons() == []
    with pytest.raises(InputError, match=r"no second of new sound.*; 7 s left out") as caught:
        CalibrationInput(Source("from", "a.wav", 0.0, 0.0, ()), held_s=7).check_any()
    assert caught.value.where == "a.wav"


def test_only_scores_of_the_model_count() -> None:
    models = [StateRow("pump", "model", 3.0, "student a"), StateRow("pump", "model", 6.0, "teacher a")]
    assert [row.second for row in rows_of(rows(0, 9), models, "student a")] == [3, 4, 5]
    assert [row.second for row in rows_of(rows(0, 9), models, "teacher a")] == [6, 7, 8]
    assert rows_of(rows(0, 9), [], "student a") == []
    assert model_label("student", "abc+3") == "student abc"
