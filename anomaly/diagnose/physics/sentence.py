"""The explanation of a recording as one sentence."""

from __future__ import annotations

from anomaly.diagnose.physics.explanation import Candidate, Explanation
from anomaly.fault_families import FAMILIES
from anomaly.readable import count


def sentence(explanation: Explanation) -> str:
    """Return what was found, what it fits, and how probable that is without the fault."""
    best = explanation.candidates[0] if explanation.candidates else None
    speed = _speed(explanation)
    if explanation.family == "none" or best is None:
        return f"No line of a known part stands out{speed}, against {explanation.compared_with}."
    if explanation.family == "unknown":
        return f"{_finding(best)} stand out{speed}, but fit no cause clearly; the nearest is {best.part}."
    meaning = FAMILIES[explanation.family]
    fits = "is the only sign of" if best.family != explanation.family else "fit"
    told = f"{_finding(best)} {fits} {best.part}{speed}: {meaning} ({_chance(best)} in {explanation.compared_with})."
    return told[0].upper() + told[1:]


def hertz(value: float) -> str:
    """Return a frequency for people."""
    if value >= 1000:
        return f"{value / 1000:.1f} kHz"
    return f"{value:.0f} Hz" if value >= 100 else f"{value:.1f} Hz"


def _finding(best: Candidate) -> str:
    if best.rise_db is not None:
        return f"tones at {hertz(best.frequency_hz)} that rose by {best.rise_db:.0f} dB"
    found = f"impulses at {hertz(best.frequency_hz)} ({count(best.harmonics, 'harmonic')})"
    if best.band_hz is not None:
        found += f" in {hertz(best.band_hz[0])} to {hertz(best.band_hz[1])}"
    return found


def _speed(explanation: Explanation) -> str:
    speed = explanation.speed
    if speed is None:
        return "; the speed of the shaft is not known"
    text = f" at {speed.hz * 60:,.0f} rpm"
    if speed.source != "given":
        text += f" ({speed.source}, ± {speed.uncertainty_hz * 60:,.0f})"
    return text if speed.is_certain else f"{text}, a speed that another explains nearly as well"


def _chance(best: Candidate) -> str:
    if best.p_value < 1e-6:
        return "less often than once in a million recordings"
    return f"about once in {round(1 / best.p_value):,} recordings" if best.p_value < 0.5 else "often"
