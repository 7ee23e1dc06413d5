"""Evidence for damage of bearings in one recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anomaly.diagnose.physics.comb import HARMONICS, CombMatch, match_comb, smoothed
from anomaly.diagnose.physics.envelope import Curve, envelope, spectrum_of
from anomaly.diagnose.physics.fault_lines import FaultLine
from anomaly.diagnose.physics.line_excess import line_excess
from anomaly.diagnose.physics.white_null import WhiteNull, white_null

LONGEST_S = 10.0
"""Longer recordings are judged by so much from their middle: the spectrum of more is finer than speeds are steady."""
_LEAST_BINS = 1.5


@dataclass(frozen=True)
class BearingEvidence:
    """Match of one line of a bearing.

    Args:
        line: the line.
        match: in the prewhitened envelope spectrum.
        z: deviations of noise above its mean there.
        p_value: probability of such a match in noise.
        smooth_z: the same for the smoothly whitened sound, which decides guesses where prewhitening shows nothing.
        frequency_hz: of the line, slip included.
        null: distribution in noise.
    """

    line: FaultLine
    match: CombMatch
    z: float
    p_value: float
    smooth_z: float
    frequency_hz: float
    null: WhiteNull


def bearing_evidence(
    samples: Curve, rate_hz: float, shaft_hz: float, lines: Sequence[FaultLine]
) -> list[BearingEvidence]:
    """Match all lines of bearings with a recording; lines that it is too short or too slow for are left out.

    Args:
        samples: [n], one channel.
        rate_hz: sample rate.
        shaft_hz: speed of the main shaft.
        lines: of `bearing_lines`.
    """
    most = int(LONGEST_S * rate_hz)
    start = max(0, (len(samples) - most) // 2)
    samples = samples[start : start + most]
    bins_per_order = shaft_hz * len(samples) / rate_hz
    usable = [line for line in lines if line.order * bins_per_order >= _LEAST_BINS]
    usable = [line for line in usable if line.order * shaft_hz * HARMONICS < 0.4 * rate_hz]
    if not usable:
        return []
    matches = {
        whitening: _matches(samples, rate_hz, shaft_hz, usable, whitening)
        for whitening in ("prewhitened", "smooth")
    }
    return [
        _evidence(line, shaft_hz, bins_per_order, sharp, smooth)
        for line, sharp, smooth in zip(usable, matches["prewhitened"], matches["smooth"], strict=True)
    ]


def _matches(
    samples: Curve, rate_hz: float, shaft_hz: float, lines: Sequence[FaultLine], whitening: str
) -> list[CombMatch]:
    highest_hz = max(line.order for line in lines) * shaft_hz * HARMONICS * 1.05 + 3 * shaft_hz
    spectrum = spectrum_of(envelope(samples, rate_hz, whitening), rate_hz, highest_hz)
    smooth = smoothed(line_excess(spectrum, shaft_hz))
    return [match_comb(smooth, line.order * shaft_hz / spectrum.step_hz) for line in lines]


def _evidence(
    line: FaultLine, shaft_hz: float, bins_per_order: float, sharp: CombMatch, smooth: CombMatch
) -> BearingEvidence:
    null = white_null(line.order * bins_per_order, bins_per_order)
    z = null.z(sharp)
    frequency_hz = line.order * shaft_hz * (1 + sharp.slip)
    return BearingEvidence(line, sharp, z, null.p_value(z), null.z(smooth), frequency_hz, null)
