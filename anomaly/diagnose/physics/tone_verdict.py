"""Family of fault that the change of tones against a machine's normal sound names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from anomaly.diagnose.physics.envelope import Curve
from anomaly.diagnose.physics.shaft_lines import Tone

SIGNIFICANT = 0.002
"""Probability in normal sound below which a family is named."""
LEAST_DB = 4.0
"""Smallest mean rise of a family's tones that is worth a name."""
_PRIOR_DB, _PRIOR_WINDOWS = 2.0, 4


@dataclass(frozen=True)
class ToneChange:
    """Rise of the tones of one cause.

    Args:
        family: of `anomaly.fault_families`.
        part: what turns, for a sentence.
        frequency_hz: of the tone that stands for it.
        harmonics: number of its tones that rose clearly.
        rise_db: mean rise of its tones against normal sound.
        p_value: probability of such a rise in normal sound.
    """

    family: str
    part: str
    frequency_hz: float
    harmonics: int
    rise_db: float
    p_value: float


@dataclass(frozen=True, eq=False)
class NormalTones:
    """Levels of tones in recordings of normal sound.

    Args:
        levels_db: [recordings, tones].
    """

    levels_db: Curve


def tone_changes(
    tones: Sequence[Tone], levels_db: Curve, normal: NormalTones, shaft_hz: float
) -> list[ToneChange]:
    """Return the causes whose tones rose, the most probable first; several tests count several times."""
    rises = levels_db - np.nanmean(normal.levels_db, axis=0)
    spread = normal.levels_db - np.nanmean(normal.levels_db, axis=0)
    causes = [_shaft_cause(tones, rises), *_part_causes(tones)]
    found = []
    for family, part, members, hz_of in causes:
        members = [number for number in members if np.isfinite(rises[number])]
        if not members:
            continue
        rise = float(rises[members].mean())
        p_value = min(1.0, len(causes) * _p_value(rise, spread[:, members].mean(axis=1)))
        raised = int((rises[members] >= LEAST_DB).sum())
        frequency_hz = tones[hz_of].frequency_hz(shaft_hz)
        found.append(ToneChange(family, part, frequency_hz, raised, rise, p_value))
    return sorted(found, key=lambda one: (one.p_value, -one.rise_db))


_Cause = tuple[str, str, list[int], int]


def _shaft_cause(tones: Sequence[Tone], rises: Curve) -> _Cause:
    """Return the family that the orders of the shaft fit.

    Half orders or many orders: looseness. The second order about as much as the first: misalignment. The first alone:
    unbalance.
    """
    place = {tone.order: number for number, tone in enumerate(tones) if tone.source == "shaft"}
    rise = {order: float(np.nan_to_num(rises[number])) for order, number in place.items()}
    halves = [order for order in (0.5, 1.5, 2.5) if rise[order] >= LEAST_DB]
    whole = [order for order in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0) if rise[order] >= LEAST_DB]
    if len(halves) >= 2 or len(whole) >= 5:
        members = [*halves, *whole]
        return "looseness", "the shaft", [place[order] for order in members], place[0.5 if halves else 1.0]
    if rise[2.0] >= max(LEAST_DB, rise[1.0]) or (rise[2.0] >= LEAST_DB and len(whole) >= 3):
        return "misalignment", "the shaft", [place[2.0]], place[2.0]
    return "unbalance", "the shaft", [place[1.0]], place[1.0]


def _part_causes(tones: Sequence[Tone]) -> list[_Cause]:
    causes: list[_Cause] = []
    for source in ("gear", "blade", "electrical"):
        parts = dict.fromkeys(tone.part for tone in tones if tone.source == source)
        if source == "electrical":
            parts = dict.fromkeys(["the supply"] if parts else [])
        for part in parts:
            members = [
                number
                for number, tone in enumerate(tones)
                if tone.source == source and (source == "electrical" or tone.part == part)
            ]
            causes.append((source, part, members, next(n for n in members if tones[n].main)))
    return causes


def _p_value(rise: float, spread: Curve) -> float:
    """Return the chance of a rise by Student's t, the deviation drawn towards 2 dB while recordings are few."""
    count = len(spread)
    variance = (float((spread**2).sum()) + _PRIOR_WINDOWS * _PRIOR_DB**2) / (count - 1 + _PRIOR_WINDOWS)
    scale = np.sqrt(variance * (1 + 1 / count))
    return float(student.sf(rise / scale, count - 1 + _PRIOR_WINDOWS))
