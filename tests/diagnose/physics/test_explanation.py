"""Explanation of recordings by the parts of a machine."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.config.facts.rotating_facts import RotatingFacts
from anomaly.diagnose.physics.explanation import explain_sound
from anomaly.diagnose.physics.machine_normal import MachineNormal, Sound, learn_normal
from anomaly.diagnose.physics.sentence import sentence
from anomaly.errors import InputError, UsageError
from tests.diagnose.physics.conftest import FACTS, RATE_HZ, SHAFT_HZ, MakeSound

ORDERS = FACTS.bearings[0].geometry.orders


@pytest.fixture(scope="module")
def normal(make_sound: MakeSound) -> MachineNormal:
    return learn_normal([make_sound(seed=50 + n) for n in range(5)], FACTS, 3.0)


@pytest.mark.parametrize("family", ["inner-race", "outer-race", "ball"])
def test_impacts_of_each_part_are_named(make_sound: MakeSound, family: str) -> None:
    """The rate may be a percent off: slip, or balls of another make."""
    found = explain_sound(make_sound(ORDERS[family] * SHAFT_HZ * 1.008, seed=3), FACTS)
    assert found.family == found.guess == family
    best = found.candidates[0]
    assert best.frequency_hz == pytest.approx(ORDERS[family] * SHAFT_HZ * 1.008, rel=0.004)
    assert best.p_value < 1e-4
    assert best.band_hz is not None
    assert best.band_hz[0] < 3_300 < best.band_hz[1]
    assert "6205" in sentence(found)
    assert "white noise" in sentence(found)


def test_little_is_named_in_normal_sound(make_sound: MakeSound, normal: MachineNormal) -> None:
    families = [explain_sound(make_sound(seed=100 + n), FACTS, normal=normal).family for n in range(25)]
    assert families.count("none") >= 24


def test_lines_of_a_machines_own_normal_sound_are_not_named(make_sound: MakeSound) -> None:
    """A harmless source that ticks at the rate of the outer race is part of what is normal."""
    ticking = [make_sound(ORDERS["outer-race"] * SHAFT_HZ, seed=n, gain=0.8) for n in range(12)]
    own = learn_normal(ticking[:11], FACTS, 3.0)
    assert explain_sound(ticking[11], FACTS).family == "outer-race"
    assert explain_sound(ticking[11], FACTS, normal=own).family == "none"


@pytest.mark.parametrize(
    ("tones", "family"),
    [
        ({1.0: 3.0}, "unbalance"),
        ({2.0: 3.0}, "misalignment"),
        ({0.5: 1.0, 1.5: 1.0, 2.5: 1.0, 1.0: 2.0}, "looseness"),
        ({20.0: 1.0, 21.0: 2.0, 22.0: 1.0, 42.0: 1.0, 41.0: 1, 43.0: 1.0}, "gear"),
    ],
)
def test_tones_that_rose_are_named(
    make_sound: MakeSound, normal: MachineNormal, tones: dict[float, float], family: str
) -> None:
    found = explain_sound(make_sound(seed=9, tones=tones), FACTS, normal=normal)
    assert found.family == family
    assert found.candidates[0].family == family
    assert "rose by" in sentence(found)


def test_tones_are_not_judged_without_normal_sound(make_sound: MakeSound) -> None:
    found = explain_sound(make_sound(seed=9, tones={1.0: 3.0}), FACTS)
    assert found.family == "none"


def test_speed_is_estimated_in_the_range_given(make_sound: MakeSound) -> None:
    facts = RotatingFacts.model_validate({"speed_rpm": [1500, 2100], "bearings": "6205"})
    tones = dict.fromkeys((3.0, 4.0, 5.0, 6.0), 0.3)
    found = explain_sound(make_sound(ORDERS["outer-race"] * SHAFT_HZ, seed=4, tones=tones), facts)
    assert found.speed is not None
    assert found.speed.source == "estimated in the range given"
    assert found.speed.hz == pytest.approx(SHAFT_HZ, rel=0.01)


def test_impossible_speed_and_silence_are_refused(make_sound: MakeSound) -> None:
    with pytest.raises(UsageError, match="beyond a quarter of the sample rate"):
        explain_sound(make_sound(), FACTS, rpm=200_000)
    with pytest.raises(InputError, match="too short or silent"):
        explain_sound(Sound(np.zeros(RATE_HZ), RATE_HZ), FACTS)
