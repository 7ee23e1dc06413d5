"""The worst parts of the spectrum, as text and as evidence of a case."""

from __future__ import annotations

import json

import numpy as np
import pytest

from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.diagnose.context import DiagnosisContext
from anomaly.diagnose.diagnose import diagnose
from anomaly.diagnose.sub_bands import worst_sub_bands
from anomaly.features.mel import mel_power, pool

LEVELS = [0.1 * group for group in range(SUB_BAND_GROUPS)]


def summary(groups: list[float]) -> str:
    return diagnose(DiagnosisContext("pump", np.array(groups))).summary


def test_the_worst_come_first() -> None:
    found = worst_sub_bands(LEVELS)
    assert [round(s.deviation, 1) for s in found] == [1.5, 1.4, 1.3]
    assert found[0].high_hz == 8000
    assert [s.low_hz for s in found[:-1]] == [s.high_hz for s in found[1:]]
    assert len(worst_sub_bands(LEVELS, most=1)) == 1
    assert len(worst_sub_bands(LEVELS, most=99)) == SUB_BAND_GROUPS


@pytest.mark.parametrize("groups", [4, SUB_BAND_GROUPS, 64])
def test_a_tone_is_located(groups: int) -> None:
    for frequency in (170.0, 700.0, 2950.0, 7000.0):
        sound = np.sin(2 * np.pi * frequency * np.arange(1024) / 16_000).astype(np.float32)
        (worst,) = worst_sub_bands(pool(mel_power(sound), groups)[0].tolist(), most=1)
        assert worst.low_hz <= frequency <= worst.high_hz


def test_the_summary_names_what_stands_out() -> None:
    groups = [0.0] * SUB_BAND_GROUPS
    groups[0], groups[15] = 4.04, 12.34
    groups[1] = 0.2
    assert summary(groups) == (
        "pump does not sound normal, most of all at 6.5 kHz to 8.0 kHz (12.3 sigma), "
        "then 0 Hz to 199 Hz (4.0 sigma)"
    )


def test_a_group_at_three_tenths_of_the_worst_is_named_and_one_below_is_not() -> None:
    groups = [0.0] * SUB_BAND_GROUPS
    groups[3], groups[8] = 10.0, 3.0
    assert summary(groups).count("sigma") == 2
    groups[8] = 2.99
    assert summary(groups).count("sigma") == 1


def test_one_group_is_named_in_any_case() -> None:
    assert summary([-1.0] * SUB_BAND_GROUPS).count("sigma") == 1
    assert summary([0.0] * SUB_BAND_GROUPS).count("sigma") == 1


def test_evidence_is_plain_values() -> None:
    found = diagnose(DiagnosisContext("pump", np.array(LEVELS))).evidence
    assert json.loads(json.dumps(found)) == found
    assert list(found) == ["groups", "edges_hz", "suspects"]
    assert len(found["groups"]) == SUB_BAND_GROUPS
    assert len(found["edges_hz"]) == SUB_BAND_GROUPS + 1
    assert [s["deviation"] for s in found["suspects"]] == [s.deviation for s in worst_sub_bands(LEVELS)]


@pytest.mark.parametrize("gain_db", [6.0, -9.5])
def test_the_change_of_a_band_in_decibels(gain_db: float) -> None:
    groups = np.zeros(SUB_BAND_GROUPS)
    groups[5] = 4.0
    changes = np.full(2 * SUB_BAND_GROUPS, 0.4)
    changes[10:12] = gain_db - 1.0, gain_db + 1.0
    found = diagnose(DiagnosisContext("pump", groups, changes_db=changes)).evidence["suspects"]
    assert found[0]["change_db"] == gain_db
    assert [one["change_db"] for one in found[1:]] == [0.4, 0.4]
    without = diagnose(DiagnosisContext("pump", groups)).evidence["suspects"]
    assert [set(one) for one in without] == [{"low_hz", "high_hz", "deviation"}] * 3
