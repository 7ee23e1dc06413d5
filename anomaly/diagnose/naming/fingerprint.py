"""Signed fingerprint of a change: levels, impulsiveness and modulation by band against normal sound."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anomaly.diagnose.physics.envelope import Curve
from anomaly.diagnose.why.sound_profile import LEVELS_PER_OCTAVE, SoundProfile, mean_profile, profile

_MOST_DB = 25.0
_KURTOSIS_WEIGHT, _MODULATION_WEIGHT = 10.0, 20.0
_PER_BAND = LEVELS_PER_OCTAVE // 3


def fingerprint(samples: Curve, rate_hz: float, normal: Sequence[Curve]) -> Curve:
    """Return the fingerprint of a sound, [values]; zero is normal sound.

    Args:
        samples: [n], one channel.
        rate_hz: sample rate of all.
        normal: pieces of normal sound, [n] each.
    """
    now = _parts(profile(samples, rate_hz))
    usual = _parts(mean_profile([profile(piece, rate_hz) for piece in normal]))
    return np.asarray(np.clip(now - usual, -_MOST_DB, _MOST_DB))


def _parts(found: SoundProfile) -> Curve:
    levels = (
        found.levels_db[: len(found.levels_db) // _PER_BAND * _PER_BAND].reshape(-1, _PER_BAND).mean(axis=1)
    )
    kurtosis = _KURTOSIS_WEIGHT * np.log1p(np.maximum(found.kurtosis, -0.5) + 0.5)
    return np.concatenate([levels, kurtosis, _MODULATION_WEIGHT * found.modulation])
