"""Text of a calibration: what is in use, and what it can promise."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.detect.calibration.base import BaseCalibration
from anomaly.detect.calibration.calibration import Calibration, calibrate
from anomaly.detect.calibration.versions import CalibrationVersion, Source
from anomaly.detect.pooling import SUB_BAND_GROUPS, fit_pooling
from anomaly.monitor.offline.reporting.calibration_text import base_text, version_text, versions_text

TIME = "2027-01-15T08:00:00Z"
ADDED = Source("from", "a.wav", 0.0, 0.0, ((0.0,) * 90,))


def version(number: int, *, alone: bool = False, bundle: str = "abc") -> CalibrationVersion:
    return CalibrationVersion(number, bundle, TIME, "ann", "after the overhaul", alone, (ADDED,))


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    rng = np.random.default_rng(0)
    pooling = fit_pooling(list(rng.gamma(2.0, 0.5, (20, 31, 2 * SUB_BAND_GROUPS))), "log")
    return calibrate(pooling, list(rng.normal(0, 1, (5, 60))))


def lines(calibration: Calibration, *, alone: bool = False, details: bool = False) -> list[str]:
    return version_text(
        "pump",
        version(2, alone=alone),
        ADDED,
        before=calibration,
        after=calibration,
        number_before=1,
        details=details,
    )


def test_a_new_version(calibration: Calibration) -> None:
    first, promise, *_, last = lines(calibration)
    assert first == "calibration 2 of pump is in use, with 1.5 min of new normal sound."
    assert promise.startswith("Calibrated on 5 min: fewer than about 36 false alarms an hour can be promised")
    assert last.startswith("  anomaly calibrate --machine pump --revert 1")


def test_a_version_that_replaces(calibration: Calibration) -> None:
    assert lines(calibration, alone=True)[0].endswith("in use, with 1.5 min of normal sound alone.")


def test_limits_only_with_details(calibration: Calibration) -> None:
    assert not any("limit" in line for line in lines(calibration))
    assert any(line.startswith("limit of the decision") for line in lines(calibration, details=True))


def test_the_first_calibration_of_a_detector(calibration: Calibration) -> None:
    made = BaseCalibration("pump", "energy", TIME, "ann", "", calibration)
    assert base_text(made)[0] == "the energy of pump is calibrated."


def test_the_list_marks_the_version_in_use() -> None:
    shown = versions_text([version(1, bundle="old"), version(2)], 2, "abc")
    assert [line[0] for line in shown] == [" ", " ", "*"]
    assert shown[1].endswith("1.5 min added  after the overhaul  (of another bundle: not used)")
