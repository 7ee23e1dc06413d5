"""Band, kind and size of changes that are known because they were injected."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.signal import butter, sosfilt, sosfiltfilt

from anomaly.config.facts.rotating_facts import RotatingFacts
from anomaly.diagnose.explained_clip import explain_clip
from anomaly.diagnose.why.change import ChangeFinder
from anomaly.diagnose.why.reason import find_reason

RATE_HZ = 16_000
Curve = npt.NDArray[np.float64]
TIMES = np.arange(4 * RATE_HZ) / RATE_HZ


def normal_piece(seed: int, hum_hz: float = 400.0) -> Curve:
    """Return four seconds of noise with a falling spectrum and a steady component."""
    noise = sosfilt(
        butter(1, 800, fs=RATE_HZ, output="sos"), np.random.default_rng(seed).standard_normal(len(TIMES))
    )
    return np.asarray(noise + 0.05 * np.sin(2 * np.pi * hum_hz * TIMES + seed))


def band(sound: Curve, low: float, high: float) -> Curve:
    return np.asarray(sosfiltfilt(butter(4, [low, high], "band", fs=RATE_HZ, output="sos"), sound))


def impulses(rate_hz: float, hz: float) -> Curve:
    train = np.zeros(len(TIMES))
    train[(np.arange(1, int(4 * rate_hz)) / rate_hz * RATE_HZ).astype(int)] = 1.0
    ring = np.exp(-TIMES[:300] * 0.12 * hz) * np.sin(2 * np.pi * hz * TIMES[:300])
    return np.asarray(np.convolve(train, ring)[: len(TIMES)])


@pytest.fixture(scope="module")
def finder() -> ChangeFinder:
    return ChangeFinder([normal_piece(seed) for seed in range(8)], RATE_HZ)


def changed(kind: str) -> Curve:
    sound = normal_piece(77)
    noise = np.random.default_rng(3).standard_normal(len(TIMES))
    return {
        "tone": lambda: sound + 0.2 * np.sin(2 * np.pi * 2_000 * TIMES),
        "broadband": lambda: sound + 1.2 * band(noise, 1_700, 2_350),
        "impulses": lambda: sound + 2.5 * impulses(43.0, 2_000),
        "modulation": lambda: sound + band(sound, 1_600, 2_500) * np.sin(2 * np.pi * 4 * TIMES),
        "missing": lambda: sound - 0.9 * band(sound, 1_700, 2_350),
    }[kind]()


@pytest.mark.parametrize("kind", ["tone", "broadband", "impulses", "modulation", "missing"])
def test_kind_and_band_are_right(finder: ChangeFinder, kind: str) -> None:
    found = finder.find(changed(kind))
    assert found is not None
    assert found.kind == kind
    assert abs(np.log2(found.middle_hz / 2_000)) < 1 / 3
    if kind == "impulses":
        assert found.rate_hz == pytest.approx(43.0, rel=0.02)
    if kind in ("tone", "broadband"):
        assert found.change_db > 5


def test_a_component_that_moved_is_a_shift() -> None:
    own = ChangeFinder(
        [normal_piece(seed, 900.0) * 0.3 + 0.1 * np.sin(2 * np.pi * 900 * TIMES) for seed in range(6)],
        RATE_HZ,
    )
    found = own.find(normal_piece(9, 1_030.0) * 0.3 + 0.1 * np.sin(2 * np.pi * 1_030 * TIMES))
    assert found is not None
    assert found.kind == "shift"
    assert found.from_hz == pytest.approx(900, rel=0.06)
    assert found.middle_hz == pytest.approx(1_030, rel=0.03)


def test_normal_sound_has_no_change(finder: ChangeFinder) -> None:
    assert [finder.find(normal_piece(seed)) for seed in range(20, 26)] == [None] * 6


def test_the_reason_says_since_when() -> None:
    """The tone begins after two of four seconds."""
    sound = normal_piece(77) + 0.2 * np.sin(2 * np.pi * 2_000 * TIMES) * (TIMES > 2)
    reason = find_reason(sound, RATE_HZ, [normal_piece(seed) for seed in range(8)])
    assert reason.course is not None
    assert reason.course.since_s == 2.0
    assert "A tone at 2.0 kHz" in reason.sentence()
    assert "from second 2 on" in reason.sentence()


def test_a_clip_is_explained_by_the_seconds_before_the_alarm() -> None:
    before = np.concatenate([normal_piece(1), normal_piece(2), normal_piece(3)])
    clip = np.concatenate([before, changed("impulses")])
    found = explain_clip(clip, RATE_HZ, 12.0, RotatingFacts())
    assert found["change"]["kind"] == "impulses"
    assert "Impulses at 43.0 Hz" in found["sentence"]
    assert "before the alarm" in found["sentence"]


def test_a_clip_without_sound_before_has_no_reason() -> None:
    assert explain_clip(normal_piece(1), RATE_HZ, 1.0, RotatingFacts())["sentence"] == ""
