"""A machine with a cycle, and one with speeds: where phases help and where they do not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch

from anomaly.teacher.fit import TeacherPlan, fit_teacher, phase_gain_of_recordings
from anomaly.teacher.network import KINDS, Teacher, TeacherSize
from anomaly.teacher.phases import MAX_PHASES, PhaseModel, fit_phases

Centibels = npt.NDArray[np.int32]
COLOURS = np.random.default_rng(8).standard_normal((3, 32)) * 900
SPREADS = (40, 400, 150)


def cycling(seed: int, frames: int = 310, mixed: bool = True) -> Centibels:
    """A rest, a click and a flow by turns of 16 frames, each with a colour and a scatter of its own."""
    random = np.random.default_rng([9, seed])
    place = (np.arange(frames) + random.integers(16)) % 16
    phase = np.select([place < 8, place < 10], [0, 1], 2) if mixed else np.full(frames, seed % 3)
    noise = random.standard_normal((frames, 32)) * np.array(SPREADS)[phase][:, None]
    made: Centibels = np.rint(-5000 + COLOURS[phase] + noise).astype(np.int32)
    return made


def running(seed: int) -> Centibels:
    """A machine that sounds alike all the time, and moves along one line of colours with its speed."""
    random = np.random.default_rng([10, seed])
    speed = (-1.0, 0.0, 1.0)[seed % 3]
    noise = random.standard_normal((310, 32)) * 100
    made: Centibels = np.rint(-5000 + speed * COLOURS[0] + noise).astype(np.int32)
    return made


@pytest.fixture(scope="module")
def cycles() -> list[Centibels]:
    return [cycling(seed, frames=620) for seed in range(12)]


@pytest.fixture(scope="module")
def phased(cycles: list[Centibels]) -> Teacher:
    return fit_teacher(cycles, TeacherPlan(epochs=1, phases=MAX_PHASES), seed=0)


def frames_apart(segments: list[Centibels]) -> torch.Tensor:
    frames = np.concatenate(segments).astype(np.float32)
    return torch.from_numpy((frames - frames.mean(axis=0)) / frames.std(axis=0))


def test_phases_that_are_there_are_found() -> None:
    pure = [cycling(seed, mixed=False) for seed in range(6)]
    stacked = frames_apart(pure)
    phases = fit_phases(stacked, 32, 3, 0)
    which = phases.of(stacked).reshape(6, -1)
    assert (which == which[:, :1]).all()
    assert torch.equal(which[:3], which[3:])
    assert set(which[:3, 0].tolist()) == {0, 1, 2}
    for seed in range(3):
        mine = stacked.reshape(6, -1, 32)[seed::3].flatten(0, 1)
        phase = int(which[seed, 0])
        assert phases.centre[phase].numpy() == pytest.approx(mine.mean(dim=0).numpy(), abs=1e-4)
        assert phases.log_share[phase].exp() == pytest.approx(1 / 3, rel=1e-6)


def test_what_is_left_is_in_units_of_the_phase() -> None:
    stacked = frames_apart([cycling(seed, mixed=False) for seed in range(6)])
    left = fit_phases(stacked, 32, 3, 0).apart(stacked).reshape(2, 3, -1, 32)
    assert left.mean(dim=(0, 2)).abs().max() < 1e-3
    variance = np.square(SPREADS)
    # The spread of all phases together counts as 100 windows beside the 620 of each.
    mixed = (620 * variance + 100 * variance.mean()) / 720
    assert left.square().mean(dim=(0, 2, 3)).numpy() == pytest.approx(variance / mixed, rel=0.05)


def test_the_same_seed_finds_the_same_phases(cycles: list[Centibels]) -> None:
    stacked = frames_apart(cycles)
    one, again, other = (fit_phases(stacked, 32, 8, seed) for seed in (0, 0, 1))
    assert torch.equal(one.centre, again.centre)
    assert torch.equal(one.spread, again.spread)
    assert not torch.equal(one.centre, other.centre)


@pytest.mark.parametrize(
    ("most", "windows", "found"), [(0, 3000, 1), (1, 3000, 1), (8, 150, 1), (8, 450, 4), (8, 3000, 8)]
)
def test_there_are_no_more_phases_than_there_is_sound_for(most: int, windows: int, found: int) -> None:
    assert len(fit_phases(torch.randn(windows, 64), 32, most, 0)) == found


def test_sound_that_never_moves_is_no_division_by_zero() -> None:
    phases = fit_phases(torch.zeros(500, 64), 32, 4, 0)
    assert torch.isfinite(phases.apart(torch.ones(3, 64))).all()


def test_one_phase_leaves_windows_as_they_are() -> None:
    stacked = torch.randn(5, 64)
    assert torch.equal(PhaseModel.none(64, 32).apart(stacked), stacked)


def test_phases_of_a_cycle_foretell_what_was_never_heard(cycles: list[Centibels]) -> None:
    assert phase_gain_of_recordings([[one] for one in cycles], TeacherSize(), 0) > 0.02


def test_speeds_are_no_phases() -> None:
    """Each speed is a cluster of its own, but the one that is left out is in none of the others."""
    assert phase_gain_of_recordings([[running(seed)] for seed in range(12)], TeacherSize(), 0) < 0


def test_recordings_that_are_all_alike_say_nothing() -> None:
    assert phase_gain_of_recordings([[running(0)]] * 6, TeacherSize(), 0) == 0


def test_with_phases_there_is_no_slow_kind(phased: Teacher, cycles: list[Centibels]) -> None:
    assert len(phased.phases) > 2
    assert (phased.kinds, phased.spans) == (KINDS[:2], 0)
    windows = torch.from_numpy(cycles[0][None, :9].astype(np.float32))
    with torch.no_grad():
        assert phased(windows, torch.zeros(32), 1).shape == (1, 32)


def test_what_one_gaussian_forgives_is_heard_where_it_does_not_belong(
    phased: Teacher, cycles: list[Centibels]
) -> None:
    """While the machine rests, three bands are louder, far less than a click would make them."""
    plain = fit_teacher(cycles, TeacherPlan(epochs=0), seed=0)
    healthy = cycling(77, frames=640)
    resting = np.abs(healthy + 5000 - COLOURS[0]).mean(axis=1) < 100
    faulty = healthy.copy()
    faulty[resting, 3:6] += 100

    def rise(teacher: Teacher) -> float:
        sides = [window_errors(teacher, levels) for levels in (healthy, faulty)]
        return float(sides[1] / sides[0])

    assert 0.4 < resting.mean() < 0.6
    assert rise(phased) - 1 > 2 * (rise(plain) - 1) > 0


def window_errors(teacher: Teacher, levels: Centibels) -> float:
    view = np.lib.stride_tricks.sliding_window_view(levels.astype(np.float32), 9, axis=0)
    recent = torch.from_numpy(levels.mean(axis=0).astype(np.float32))
    with torch.no_grad():
        errors = teacher(torch.from_numpy(view.transpose(0, 2, 1).copy()), recent, 1)
    return float(errors[:, :16].mean())
