"""Text of feedback: what is recorded, what the calibration holds now, and how to undo it."""

from __future__ import annotations

from dataclasses import replace

from anomaly.monitor.offline.feedback import FeedbackResult
from anomaly.monitor.offline.reporting.feedback_text import feedback_text

RESULT = FeedbackResult("abcdef01" * 4, "normal", 3, 90, 16.44, 18.05)


def test_a_false_alarm() -> None:
    lines = feedback_text(RESULT, "pump", 2)
    assert lines[0] == (
        "case abcdef01 is recorded as normal; calibration 3 is in use and holds 1.5 min of it as normal sound: such "
        "sound raises no alarm again."
    )
    assert "anomaly calibrate --machine pump --revert 2" in lines[-1]


def test_a_fault_that_was_called_normal_before() -> None:
    first, *_ = feedback_text(replace(RESULT, verdict="fault"), "pump", 2)
    assert first.endswith(
        "a fault; calibration 3 is in use and no longer holds 1.5 min of it as normal sound."
    )


def test_nothing_to_change() -> None:
    unchanged = replace(RESULT, verdict="fault", calibration=None, seconds=0)
    assert feedback_text(unchanged, "pump", 2) == [
        "case abcdef01 is recorded as a fault; the calibration stays as it is."
    ]


def test_seconds_of_another_model_and_details() -> None:
    text = "\n".join(feedback_text(replace(RESULT, other_seconds=30), "pump", 2, details=True))
    assert "30 s of it left out" in text
    assert "16.4 before, 18.1 now" in text


def test_a_false_alarm_that_was_learned_from_its_clip() -> None:
    (first, *_) = feedback_text(replace(RESULT, learned_from="clip"), "pump", 2)
    assert "holds 1.5 min of its clip as normal sound" in first


def test_a_false_alarm_of_which_nothing_was_learned() -> None:
    gone = replace(RESULT, calibration=None, seconds=0, closed=True, not_learned="the scores are gone")
    lines = feedback_text(gone, "pump", 2)
    assert lines[:3] == [
        "case abcdef01 is recorded as normal; the calibration stays as it is.",
        "The case is closed.",
        "Nothing was added to the calibration: the scores are gone. Such sound may raise an alarm again.",
    ]
    assert "anomaly calibrate --machine pump --from RECORDING" in lines[-1]
