"""Course of a change within a recording: since when, and how constant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import stft

from anomaly.diagnose.physics.envelope import Curve
from anomaly.diagnose.why.change import LEAST_DB, SoundChange

_FRAME_S = 0.5


@dataclass(frozen=True)
class Course:
    """Course of a change.

    Args:
        since_s: seconds from the beginning of the recording to the first half second with the change.
        share: of the half seconds from then on that show it.
    """

    since_s: float
    share: float


def course(samples: Curve, rate_hz: float, change: SoundChange, normal: Curve) -> Course | None:
    """Return the course of a change; None where the level does not show it.

    Args:
        samples: the changed sound, [n].
        rate_hz: sample rate.
        change: of this sound.
        normal: normal sound, [n].
    """
    if abs(change.change_db) < LEAST_DB:
        return None
    usual = _levels(normal, rate_hz, change.band_hz)
    found = _levels(samples, rate_hz, change.band_hz)
    if not len(usual) or not len(found):
        return None
    half = float(np.median(usual)) + change.change_db / 2
    shown = found > half if change.change_db > 0 else found < half
    if not shown.any():
        return None
    first = int(np.argmax(shown))
    return Course(first * _FRAME_S, float(shown[first:].mean()))


def _levels(samples: Curve, rate_hz: float, band_hz: tuple[float, float]) -> Curve:
    """Return the level of a band in each half second, dB."""
    size = int(_FRAME_S * rate_hz)
    if len(samples) < size:
        return np.zeros(0)
    hz, _, spectrum = stft(samples, rate_hz, nperseg=size, noverlap=0, boundary=None, padded=False)
    inside = (hz >= band_hz[0]) & (hz <= band_hz[1])
    inside = inside if inside.any() else np.arange(len(hz)) == int(np.argmin(np.abs(hz - band_hz[0])))
    return np.asarray(10 * np.log10((np.abs(spectrum[inside]) ** 2).sum(axis=0) + 1e-20))
