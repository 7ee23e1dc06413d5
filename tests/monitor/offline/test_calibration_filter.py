"""Calibration filter: sound that is known already and scores of another model are left out."""

from __future__ import annotations

import pytest

from anomaly.detect.calibration.versions import Source
from anomaly.errors import InputError
from anomaly.monitor.offline.calibration_filter import (
    CalibrationInput,
    new_recordings,
    new_rows,
    rows_of_model,
)
from anomaly.store.database.rows import ScoreRow, StateRow
from anomaly.store.state_kinds import model_label

KNOWN = Source("since", "an hour", 100.0, 109.0, ((1.0, 2.0),))


def rows(begin: int, end: int) -> list[ScoreRow]:
    return [ScoreRow("pump", float(k), k, 0.5, 0.5, "OK") for k in range(begin, end)]


def test_a_recording_counts_once() -> None:
    assert new_recordings([(3.0,), (1.0, 2.0), (3.0,), (4.0,)], [KNOWN]) == (((3.0,), (4.0,)), 3)
    assert new_recordings([], [KNOWN]) == ((), 0)


def test_a_time_span_counts_once() -> None:
    assert [row.second for row in new_rows(rows(95, 115), [KNOWN])] == [*range(95, 100), *range(110, 115)]


def test_a_recording_has_no_time_span() -> None:
    recording = Source("from", "a.wav", 0.0, 0.0, ((1.0,),))
    assert len(new_rows(rows(0, 5), [recording])) == 5


def test_an_input_without_new_sound_is_refused_with_the_reason() -> None:
    CalibrationInput(KNOWN).require_new_sound()
    assert CalibrationInput(KNOWN).exclusions() == []
    with pytest.raises(InputError, match=r"no second of new sound.*; 7 s left out") as caught:
        CalibrationInput(Source("from", "a.wav", 0.0, 0.0, ()), duplicate_s=7).require_new_sound()
    assert caught.value.where == "a.wav"


def test_only_scores_of_the_model_count() -> None:
    models = [StateRow("pump", "model", 3.0, "student a"), StateRow("pump", "model", 6.0, "teacher a")]
    assert [row.second for row in rows_of_model(rows(0, 9), models, "student a")] == [3, 4, 5]
    assert [row.second for row in rows_of_model(rows(0, 9), models, "teacher a")] == [6, 7, 8]
    assert rows_of_model(rows(0, 9), [], "student a") == []
    assert model_label("student", "abc+3") == "student abc"
