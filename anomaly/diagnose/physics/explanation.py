"""Explanation of one recording: the fault that its lines fit, with the evidence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from anomaly.config.facts.rotating_facts import RotatingFacts
from anomaly.diagnose.physics.bearing_evidence import BearingEvidence, bearing_evidence
from anomaly.diagnose.physics.bearing_verdict import BearingVerdict, judge
from anomaly.diagnose.physics.fault_lines import bearing_lines
from anomaly.diagnose.physics.impact_band import impact_band
from anomaly.diagnose.physics.machine_normal import MachineNormal, Sound, speed_of
from anomaly.diagnose.physics.shaft_lines import tone_levels_db, tones_of
from anomaly.diagnose.physics.shaft_speed import ShaftSpeed
from anomaly.diagnose.physics.tone_verdict import LEAST_DB, SIGNIFICANT, ToneChange, tone_changes
from anomaly.errors import InputError, UsageError

_LEAST_S = 0.1
_MOST_CANDIDATES = 6


@dataclass(frozen=True)
class Candidate:
    """A cause that was tried.

    Args:
        family: of `anomaly.fault_families`.
        part: what is damaged, for a sentence.
        frequency_hz: of its first line.
        harmonics: number of its lines that stand out.
        p_value: probability of such a match without the fault.
        band_hz: band in which it shows.
        rise_db: rise of its tones against normal sound; None for bearings.
    """

    family: str
    part: str
    frequency_hz: float
    harmonics: int
    p_value: float
    band_hz: tuple[float, float] | None = None
    rise_db: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return {
            "family": self.family,
            "part": self.part,
            "frequency_hz": round(self.frequency_hz, 3),
            "harmonics": self.harmonics,
            "p_value": float(f"{self.p_value:.3g}"),
            "band_hz": None if self.band_hz is None else [round(edge, 1) for edge in self.band_hz],
            "rise_db": None if self.rise_db is None else round(self.rise_db, 1),
        }


@dataclass(frozen=True)
class Explanation:
    """Result for one recording.

    Args:
        family: of `anomaly.fault_families`, ``unknown`` or ``none``.
        guess: family of a bearing that fits best, named or not.
        candidates: the most probable first.
        speed: of the shaft; None where it could not be estimated.
        compared_with: what the probabilities are measured against.
    """

    family: str
    guess: str | None
    candidates: tuple[Candidate, ...]
    speed: ShaftSpeed | None
    compared_with: str


def explain_sound(
    sound: Sound,
    facts: RotatingFacts,
    *,
    rpm: float | None = None,
    normal: MachineNormal | None = None,
    with_band: bool = True,
) -> Explanation:
    """Explain a recording by the facts of its machine.

    Args:
        sound: the recording.
        facts: of the machine; without bearings, wheels and mains only the orders of the shaft are tried.
        rpm: speed of the shaft, if known.
        normal: normal sound of the machine; without it tones are not judged, and bearings against white noise.
        with_band: whether to search the band of the impacts.

    Raises:
        InputError: the recording is too short or silent.
        UsageError: the speed does not fit the sample rate.
    """
    normal = normal or MachineNormal()
    if sound.seconds < _LEAST_S or not sound.samples.any():
        raise InputError(f"is too short or silent: {sound.seconds:.2f} s, at least {_LEAST_S} s are needed")
    speed = speed_of(sound, facts, rpm)
    if speed is None:
        return Explanation("none", None, (), None, normal.words)
    _check_speed(speed, sound, rpm)
    evidence = bearing_evidence(sound.samples, sound.rate_hz, speed.hz, bearing_lines(facts))
    verdict = judge([normal.baseline.corrected(one) for one in evidence])
    tones = _tone_changes(sound, facts, speed, normal)
    family = _family(verdict, tones, speed)
    bearings = [_bearing_candidate(one, len(evidence)) for one in verdict.ranked]
    if with_band and bearings and family == verdict.family != "none":
        band = impact_band(sound.samples, sound.rate_hz, speed.hz, bearings[0].frequency_hz)
        bearings[0] = replace(bearings[0], band_hz=band)
    candidates = _ordered(bearings, [_tone_candidate(one) for one in tones], family, verdict)
    return Explanation(family, verdict.guess, candidates, speed, normal.words)


def _check_speed(speed: ShaftSpeed, sound: Sound, rpm: float | None) -> None:
    if speed.hz >= sound.rate_hz / 4:
        raise UsageError(
            f"{speed.hz * 60:.0f} rpm is beyond a quarter of the sample rate of {sound.rate_hz:.0f} Hz",
            where="--rpm" if rpm is not None else "speed_rpm",
            hint="give turns per minute, not Hz, of the shaft that the bearings are on",
        )


def _tone_changes(
    sound: Sound, facts: RotatingFacts, speed: ShaftSpeed, normal: MachineNormal
) -> list[ToneChange]:
    if normal.tones is None:
        return []
    tones = tones_of(facts)
    levels = tone_levels_db(sound.samples, sound.rate_hz, speed.hz, tones)
    return tone_changes(tones, levels, normal.tones, speed.hz)


def _family(verdict: BearingVerdict, tones: list[ToneChange], speed: ShaftSpeed) -> str:
    """Return the name: impacts of a bearing are specific and come first, then tones that rose."""
    rose = [one for one in tones if one.p_value < SIGNIFICANT and one.rise_db >= LEAST_DB]
    if not speed.is_certain:
        return "unknown" if rose or verdict.family not in ("none",) else "none"
    if verdict.family not in ("none", "unknown"):
        return verdict.family
    if rose:
        return max(rose, key=lambda one: one.rise_db).family
    return verdict.family


def _ordered(
    bearings: list[Candidate], tones: list[Candidate], family: str, verdict: BearingVerdict
) -> tuple[Candidate, ...]:
    if family == verdict.family and family != "none":
        first, others = bearings[:1], [*bearings[1:], *tones]
    else:
        first = [one for one in tones if one.family == family][:1]
        others = [*bearings, *(one for one in tones if one not in first)]
    return (*first, *sorted(others, key=lambda one: one.p_value))[:_MOST_CANDIDATES]


def _bearing_candidate(one: BearingEvidence, tried: int) -> Candidate:
    p_value = min(1.0, one.p_value * tried)
    return Candidate(one.line.family, one.line.part, one.frequency_hz, one.match.harmonics, p_value)


def _tone_candidate(one: ToneChange) -> Candidate:
    band = (0.98 * one.frequency_hz, 1.02 * one.frequency_hz)
    return Candidate(one.family, one.part, one.frequency_hz, one.harmonics, one.p_value, band, one.rise_db)
