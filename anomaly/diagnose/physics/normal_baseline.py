"""Matches that a machine's own normal sound gives, against which later ones are judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from anomaly.diagnose.physics.bearing_evidence import BearingEvidence, bearing_evidence
from anomaly.diagnose.physics.envelope import Curve
from anomaly.diagnose.physics.fault_lines import FaultLine

_PRIOR_WINDOWS = 10
"""Weight of white noise, in windows, against the machine's own normal sound."""


@dataclass(frozen=True)
class NormalBaseline:
    """Mean and deviation of z by line in normal sound; without any, those of white noise.

    Args:
        moments: mean and deviation by line.
        windows: number of windows of normal sound.
    """

    moments: Mapping[FaultLine, tuple[float, float]] = field(default_factory=dict)
    windows: int = 0

    def corrected(self, evidence: BearingEvidence) -> BearingEvidence:
        """Return evidence with its z and p value against this machine's normal sound instead of white noise."""
        if evidence.line not in self.moments:
            return evidence
        mean, deviation = self.moments[evidence.line]
        z = (evidence.z - max(mean, 0.0)) / max(deviation, 1.0)
        # The tail keeps its shape; only its place and width change.
        return replace(evidence, z=z, p_value=evidence.null.p_value(z))


def learn_baseline(
    recordings: Sequence[tuple[Curve, float, float]], lines: Sequence[FaultLine], window_s: float
) -> NormalBaseline:
    """Learn the matches of normal sound.

    Args:
        recordings: samples [n], sample rate and shaft speed in Hz of each.
        lines: of the machine's bearings.
        window_s: length of the recordings that will be judged.
    """
    found: dict[FaultLine, list[float]] = {line: [] for line in lines}
    windows = 0
    for samples, rate_hz, shaft_hz in recordings:
        size = min(int(window_s * rate_hz), len(samples))
        for start in range(0, len(samples) - size + 1, size):
            windows += 1
            for evidence in bearing_evidence(samples[start : start + size], rate_hz, shaft_hz, lines):
                found[evidence.line].append(evidence.z)
    return NormalBaseline({line: _moments(values) for line, values in found.items() if values}, windows)


def _moments(values: Sequence[float]) -> tuple[float, float]:
    """Return mean and deviation, drawn towards 0 and 1 of white noise while windows are few."""
    count = len(values) + _PRIOR_WINDOWS
    mean = float(np.sum(values)) / count
    squares = float(np.sum((np.asarray(values) - mean) ** 2)) + _PRIOR_WINDOWS * (1 + mean**2)
    return mean, float(np.sqrt(squares / count))
