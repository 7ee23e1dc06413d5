"""Pseudo-anomalies: reproducible, of the right length and level."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.student.distillation.pseudo_anomalies import (
    ADDED,
    CHANGED,
    HELD_OUT_KINDS,
    MISTIMED_KINDS,
    TRAINED_KINDS,
    Samples,
    pseudo_anomaly,
)

KINDS = [*ADDED, *CHANGED]
SOUND = (0.05 * np.random.default_rng(0).standard_normal(32_000)).astype(np.float32)


def make(kind: str, seed: int, samples: Samples = SOUND) -> Samples:
    return pseudo_anomaly(samples, kind, np.random.default_rng(seed))


@pytest.mark.parametrize("kind", KINDS)
def test_length_and_type_are_kept(kind: str) -> None:
    for samples in (SOUND, SOUND[:8_000], SOUND[:12_345]):
        made = make(kind, 1, samples)
        assert made.shape == samples.shape
        assert made.dtype == np.float32
        assert np.isfinite(made).all()
        assert not np.array_equal(made, samples)


@pytest.mark.parametrize("kind", KINDS)
def test_the_generator_determines_the_samples(kind: str) -> None:
    before = SOUND.copy()
    assert make(kind, 2).tobytes() == make(kind, 2).tobytes()
    assert make(kind, 2).tobytes() != make(kind, 3).tobytes()
    assert np.array_equal(SOUND, before)


@pytest.mark.parametrize("kind", ADDED)
def test_added_components_cover_the_range_of_levels(kind: str) -> None:
    levels_db = []
    for seed in range(25):
        added = make(kind, seed).astype(np.float64) - SOUND
        levels_db.append(10 * np.log10(np.mean(added**2) / np.mean(SOUND.astype(np.float64) ** 2)))
    assert -18.1 < min(levels_db) < -10
    assert -4 < max(levels_db) < 4.1


@pytest.mark.parametrize("kind", KINDS)
def test_silence_stays_finite(kind: str) -> None:
    assert np.isfinite(make(kind, 0, np.zeros(16_000, np.float32))).all()


def test_some_kinds_are_never_trained_on() -> None:
    assert set(TRAINED_KINDS) | set(HELD_OUT_KINDS) | set(MISTIMED_KINDS) == set(KINDS)
    assert not set(MISTIMED_KINDS) & (set(TRAINED_KINDS) | set(HELD_OUT_KINDS))
    assert {"knock", "chirp"} <= set(HELD_OUT_KINDS) - set(TRAINED_KINDS)
    assert not set(ADDED) & set(CHANGED)


def test_mistimed_kinds_add_no_other_sound() -> None:
    """In silence they are silent, and a tone stays one tone."""
    time_s = np.arange(32_000) / 16_000
    sound = (0.1 * np.sin(2 * np.pi * 500 * time_s) * np.hanning(32_000)).astype(np.float32)
    for kind in MISTIMED_KINDS:
        assert not make(kind, 0, np.zeros(16_000, np.float32)).any()
        spectrum = np.abs(np.fft.rfft(make(kind, 3, sound))) ** 2
        # Half a second of fading and 10 ms of a cut widen a line by a hundred hertz.
        assert spectrum[2 * 300 : 2 * 700].sum() > 0.99 * spectrum.sum()
