"""Each family does to sound what its name says, in proportion to the strength, and the same for the same seed."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
import pytest

from anomaly.audio.channels import Samples
from anomaly.audio.simulator import simulate
from anomaly.audio.simulator.changes import FAMILIES, change, family_of
from anomaly.audio.simulator.third_octave import band_energies, own_bands
from anomaly.errors import UsageError
from anomaly.features.front_end import FrontEnd, segment_levels

KINDS = [kind for kinds in FAMILIES.values() for kind in kinds]
ADDING = [kind for family in ("adds-steady", "adds-bursts", "repeats") for kind in FAMILIES[family]]
SEED = 3


@functools.cache
def normal() -> Samples:
    return simulate("fan", seconds=5, seed=5).samples


@functools.cache
def levels(kind: str | None, strength: float = 1.0) -> npt.NDArray[np.float64]:
    """Levels of normal or changed sound, [frames, bands], dB."""
    sound = normal() if kind is None else change(normal(), kind, strength, SEED)
    return np.asarray(segment_levels(sound, FrontEnd())[0] / 100)


def moved_db(kind: str, strength: float) -> float:
    return float(np.abs(levels(kind, strength) - levels(None)).mean())


def test_every_kind_has_one_family() -> None:
    assert len(KINDS) == len(set(KINDS)) == 21
    assert [family_of(kind) for kind in KINDS] == [f for f, kinds in FAMILIES.items() for _ in kinds]


@pytest.mark.parametrize("kind", KINDS)
def test_sound_keeps_its_length_and_depends_on_the_seed_alone(kind: str) -> None:
    made = change(normal(), kind, 0.5, SEED)
    assert (made.dtype, made.shape) == (np.float32, normal().shape)
    assert np.isfinite(made).all()
    assert (change(normal(), kind, 0.5, SEED) == made).all()
    others = [change(normal(), kind, 0.5, SEED + k) for k in range(1, 5)]
    assert any((other != made).any() for other in others)


@pytest.mark.parametrize("kind", KINDS)
def test_the_change_grows_with_the_strength(kind: str) -> None:
    assert moved_db(kind, 0.0) < 0.15
    assert moved_db(kind, 0.03) < moved_db(kind, 1.0)
    assert moved_db(kind, 1.0) > 0.05


@pytest.mark.parametrize("kind", ADDING)
def test_added_sound_has_the_level_of_simulated_faults(kind: str) -> None:
    for strength in (0.1, 1.0):
        added = change(normal(), kind, strength, SEED) - normal()
        energies = band_energies(added, 16_000)
        own = own_bands(energies)
        over = energies[own].sum() / band_energies(normal(), 16_000)[own].sum()
        assert 10 * np.log10(over) == pytest.approx(10 + 20 * np.log10(strength), abs=0.3)


@pytest.mark.parametrize("kind", FAMILIES["takes-away"])
def test_what_is_taken_away_is_missing_and_nothing_is_louder(kind: str) -> None:
    change_db = levels(kind).mean(axis=0) - levels(None).mean(axis=0)
    assert change_db.max() < 0.3
    assert change_db.min() < -6


def test_speed_moves_the_rhythm_and_pitch_does_not() -> None:
    clicks = np.zeros(5 * 16_000, np.float32)
    clicks[6_000::4_000] = 0.5
    spacing = {}
    for kind in ("speed", "pitch"):
        index = np.flatnonzero(np.abs(change(clicks, kind, 1.0, 4)[:70_000]) > 0.1)
        first = index[np.diff(index, prepend=-1_000) > 100]
        spacing[kind] = (first[-1] - first[0]) / (len(first) - 1)
    assert abs(spacing["speed"] / 4_000 - 1) > 0.04
    assert abs(spacing["pitch"] / 4_000 - 1) < 0.02


@pytest.mark.parametrize("kind", FAMILIES["interrupts"])
def test_what_is_interrupted_is_normal_most_of_the_time(kind: str) -> None:
    by_frame = np.abs(levels(kind, 0.3) - levels(None)).mean(axis=1)
    assert by_frame.max() > 1.0
    if kind == "dropouts":
        assert np.median(by_frame) < 0.5


@pytest.mark.parametrize(("kind", "strength"), [("hiss", 0.5), ("", 0.5), ("tone", -0.1), ("tone", 1.1)])
def test_what_does_not_exist_is_refused(kind: str, strength: float) -> None:
    with pytest.raises(UsageError):
        change(normal(), kind, strength, SEED)
