from __future__ import annotations

import json

import numpy as np

from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.diagnose.explanation import evidence, summary, suspects
from anomaly.features.mel import mel_power, pool

LEVELS = [0.1 * group for group in range(SUB_BAND_GROUPS)]


def test_the_worst_come_first() -> None:
    found = suspects(LEVELS)
    assert [round(s.deviation, 1) for s in found] == [1.5, 1.4, 1.3]
    assert found[0].high_hz == 8000
    assert [s.low_hz for s in found[:-1]] == [s.high_hz for s in found[1:]]
    assert len(suspects(LEVELS, most=1)) == 1
    assert len(suspects(LEVELS, most=99)) == SUB_BAND_GROUPS


def test_a_tone_is_suspected_where_it_is() -> None:
    for frequency in (170.0, 700.0, 2950.0, 7000.0):
        sound = np.sin(2 * np.pi * frequency * np.arange(1024) / 16_000).astype(np.float32)
        (suspect,) = suspects(pool(mel_power(sound), SUB_BAND_GROUPS)[0].tolist(), most=1)
        assert suspect.low_hz <= frequency <= suspect.high_hz


def test_words_for_a_person() -> None:
    groups = [0.0] * SUB_BAND_GROUPS
    groups[0], groups[15] = 4.04, 12.34
    groups[1] = 0.2
    assert summary("pump", groups) == (
        "pump does not sound normal, most of all at 6.5 kHz to 8.0 kHz (12.3 sigma), "
        "then 0 Hz to 199 Hz (4.0 sigma)"
    )


def test_one_place_is_named_in_any_case() -> None:
    assert summary("pump", [-1.0] * SUB_BAND_GROUPS).count("sigma") == 1


def test_evidence_is_plain_values() -> None:
    found = evidence(np.array(LEVELS).tolist())
    assert json.loads(json.dumps(found)) == found
    assert len(found["groups"]) == SUB_BAND_GROUPS
    assert len(found["edges_hz"]) == SUB_BAND_GROUPS + 1
    assert [s["deviation"] for s in found["suspects"]] == [s.deviation for s in suspects(LEVELS)]


def test_evidence_of_numpy_numbers_is_json_too() -> None:
    json.dumps(evidence(np.array(LEVELS)))  # type: ignore[arg-type]
