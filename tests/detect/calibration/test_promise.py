"""Promise of a calibration: rule of three without an alarm, the exact bound with some."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np

from anomaly.detect.calibration.calibration import Calibration
from anomaly.detect.calibration.excursions import Excursions
from anomaly.detect.calibration.promise import FalseAlarmPromise, false_alarm_promise
from anomaly.poisson import upper_rate

SECONDS = 600


def calibration(*peaks: float) -> Calibration:
    return cast(
        Calibration,
        SimpleNamespace(
            scores=np.zeros(SECONDS),
            excursions=Excursions(peaks, SECONDS),
            limit=lambda _: SimpleNamespace(value=20.0),
            supported_per_day=3 * 86_400 / SECONDS,
        ),
    )


def test_sound_without_an_alarm_promises_the_rule_of_three() -> None:
    assert false_alarm_promise(calibration(4.0, 19.9)) == FalseAlarmPromise(SECONDS, 432.0)


def test_excursions_over_the_limit_count_as_alarms() -> None:
    promise = false_alarm_promise(calibration(4.0, 20.0, 35.0))
    assert promise.per_day == upper_rate(2, SECONDS / 86_400)


def test_the_sentence_says_what_a_promise_of_the_budget_needs() -> None:
    assert FalseAlarmPromise(450, 3 * 86_400 / 450).sentence() == (
        "Calibrated on 7.5 min: fewer than about 24 false alarms an hour can be promised; for fewer than 1 a day "
        "calibrate on 3 days of normal sound."
    )


def test_a_supported_budget_needs_no_more() -> None:
    promise = FalseAlarmPromise(300_000, 0.864)
    assert promise.supports_budget
    assert promise.sentence().endswith("can be promised.")
