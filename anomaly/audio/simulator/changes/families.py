"""Families of faults by what they do to sound, applied to recordings of normal sound.

A detector that is only ever tried with faults that add steady energy cannot be trusted with those that take energy
away. So changes are grouped by what they do, and a choice can be tried on a family that had no part in it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.simulator.arrays import Curve, Samples
from anomaly.audio.simulator.changes import added, altered
from anomaly.audio.simulator.severity import FULL_DB
from anomaly.audio.simulator.third_octave import band_energies, own_bands
from anomaly.errors import UsageError

Addition = Callable[[Samples, np.random.Generator], Curve]
Alteration = Callable[[Samples, float, np.random.Generator], Curve]

_ADDED: dict[str, dict[str, Addition]] = {
    "adds-steady": {"tone": added.tone, "mains-hum": added.mains_hum, "broadband": added.broadband},
    "adds-bursts": {"squeal": added.squeal, "rub": added.rub, "knocks": added.knocks},
    "repeats": {"impacts": added.impacts, "ticks": added.ticks},
}
_ALTERED: dict[str, dict[str, Alteration]] = {
    "takes-away": {
        "muffled": altered.muffled,
        "missing-band": altered.missing_band,
        "weaker-component": altered.weaker_component,
    },
    "shifts": {
        "speed": altered.speed,
        "pitch": altered.pitch,
        "moved-component": altered.moved_component,
        "moved-resonance": altered.moved_resonance,
    },
    "modulates": {"flutter": altered.flutter, "beating": altered.beating},
    "interrupts": {"sticking": altered.sticking, "dropouts": altered.dropouts},
    "moves-place": {"other-room": altered.other_room, "moved-microphone": altered.moved_microphone},
}
FAMILIES: dict[str, tuple[str, ...]] = {
    **{family: tuple(kinds) for family, kinds in _ADDED.items()},
    **{family: tuple(kinds) for family, kinds in _ALTERED.items()},
}
"""Kinds of change of each family."""

_ADDITIONS = {kind: make for kinds in _ADDED.values() for kind, make in kinds.items()}
_ALTERATIONS = {kind: make for kinds in _ALTERED.values() for kind, make in kinds.items()}


def family_of(kind: str) -> str:
    """Return the family of a kind of change.

    Raises:
        UsageError: there is no such kind.
    """
    for family, kinds in FAMILIES.items():
        if kind in kinds:
            return family
    known = ", ".join(kind for kinds in FAMILIES.values() for kind in kinds)
    raise UsageError(f"there is no change {kind!r}", where="change", hint=f"one of {known}")


def change(samples: Samples, kind: str, strength: float, seed: int) -> Samples:
    """Apply a change to normal sound.

    Args:
        samples: [n], float32, 16 kHz, at least half a second.
        kind: of `FAMILIES`.
        strength: 0 to 1. Sound that is added is ``20 log10(strength) + 10`` dB above the normal sound in its own third
            octaves, as faults of simulated machines are; alterations grow in proportion to it.
        seed: of everything that is drawn: frequencies, rates, times.

    Returns:
        The changed sound, [n], float32.

    Raises:
        UsageError: there is no such kind, or the strength is out of range.
    """
    family_of(kind)
    if not 0.0 <= strength <= 1.0:
        raise UsageError(f"strength {strength} is outside 0 to 1", where="strength")
    take = np.random.default_rng([seed, *kind.encode()])
    if kind in _ALTERATIONS:
        return _ALTERATIONS[kind](samples, strength, take).astype(np.float32)
    sound = _ADDITIONS[kind](samples, take)
    changed: Samples = (samples + strength * _unit_gain(sound, samples) * sound).astype(np.float32)
    return changed


def _unit_gain(sound: Curve, normal: Samples) -> float:
    """Return the gain at which added sound has strength 1."""
    energies = band_energies(sound.astype(np.float32), SAMPLE_RATE_HZ)
    own = own_bands(energies)
    base = float(band_energies(normal, SAMPLE_RATE_HZ)[own].sum())
    return float(np.sqrt(base * 10.0 ** (FULL_DB / 10.0) / max(float(energies[own].sum()), 1e-30)))
