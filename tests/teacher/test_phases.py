"""Phases help a machine with a cycle and do not help one that differs by speed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch

from anomaly.teacher.fit import TeacherPlan, fit_teacher, phase_gain_of_recordings
from anomaly.teacher.network import PHASED_KINDS, Teacher, TeacherSize
from anomaly.teacher.phases import MAX_PHASES, PhaseModel, fit_phases

Centibels = npt.NDArray[np.int32]
COLOURS = np.random.default_rng(8).standard_normal((3, 32)) * 900
SPREADS = (40, 400, 150)


def cycling(seed: int, frames: int = 310, mixed: bool = True) -> Centibels:
    """Return cycles of 16 frames with a rest, a click and a flow, each with a mean spectrum and scatter of its own."""
    random = np.random.default_rng([9, seed])
    place = (np.arange(frames) + random.integers(16)) % 16
    phase = np.select([place < 8, place < 10], [0, 1], 2) if mixed else np.full(frames, seed % 3)
    noise = random.standard_normal((frames, 32)) * np.array(SPREADS)[phase][:, None]
    made: Centibels = np.rint(-5000 + COLOURS[phase] + noise).astype(np.int32)
    return made


def running(seed: int) -> Centibels:
    """Return levels of a machine without phases whose spectrum depends on its speed."""
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
    return fit_teacher(cycles, TeacherPlan(epochs=1, max_phases=MAX_PHASES), seed=0)


def standardised_frames(segments: list[Centibels]) -> torch.Tensor:
    frames = np.concatenate(segments).astype(np.float32)
    return torch.from_numpy((frames - frames.mean(axis=0)) / frames.std(axis=0))


def test_true_phases_are_found() -> None:
    pure = [cycling(seed, mixed=False) for seed in range(6)]
    stacked = standardised_frames(pure)
    phases = fit_phases(stacked, 32, 3, 0)
    labels = phases.classify(stacked).reshape(6, -1)
    assert (labels == labels[:, :1]).all()
    assert torch.equal(labels[:3], labels[3:])
    assert set(labels[:3, 0].tolist()) == {0, 1, 2}
    for seed in range(3):
        mine = stacked.reshape(6, -1, 32)[seed::3].flatten(0, 1)
        phase = int(labels[seed, 0])
        assert phases.centre[phase].numpy() == pytest.approx(mine.mean(dim=0).numpy(), abs=1e-4)
        assert phases.log_share[phase].exp() == pytest.approx(1 / 3, rel=1e-6)


def test_residuals_are_in_units_of_the_phase() -> None:
    stacked = standardised_frames([cycling(seed, mixed=False) for seed in range(6)])
    residuals = fit_phases(stacked, 32, 3, 0).residuals(stacked).reshape(2, 3, -1, 32)
    assert residuals.mean(dim=(0, 2)).abs().max() < 1e-3
    variance = np.square(SPREADS)
    # The pooled spread has the weight of 100 windows beside the 620 of each phase.
    mixed = (620 * variance + 100 * variance.mean()) / 720
    assert residuals.square().mean(dim=(0, 2, 3)).numpy() == pytest.approx(variance / mixed, rel=0.05)


def test_the_same_seed_finds_the_same_phases(cycles: list[Centibels]) -> None:
    stacked = standardised_frames(cycles)
    one, again, other = (fit_phases(stacked, 32, 8, seed) for seed in (0, 0, 1))
    assert torch.equal(one.centre, again.centre)
    assert torch.equal(one.spread, again.spread)
    assert not torch.equal(one.centre, other.centre)


@pytest.mark.parametrize(
    ("most", "windows", "found"), [(0, 3000, 1), (1, 3000, 1), (8, 150, 1), (8, 450, 4), (8, 3000, 8)]
)
def test_the_number_of_phases_is_limited_by_the_sound(most: int, windows: int, found: int) -> None:
    assert len(fit_phases(torch.randn(windows, 64), 32, most, 0)) == found


def test_constant_sound_gives_finite_residuals() -> None:
    phases = fit_phases(torch.zeros(500, 64), 32, 4, 0)
    assert torch.isfinite(phases.residuals(torch.ones(3, 64))).all()


def test_one_phase_leaves_windows_as_they_are() -> None:
    stacked = torch.randn(5, 64)
    assert torch.equal(PhaseModel.single(64, 32).residuals(stacked), stacked)


def test_phases_of_a_cycle_predict_unseen_recordings(cycles: list[Centibels]) -> None:
    assert phase_gain_of_recordings([[one] for one in cycles], TeacherSize(), 0) > 0.02


def test_speeds_have_no_gain_as_phases() -> None:
    """Each speed is a cluster, and the one that is left out belongs to none of the others."""
    assert phase_gain_of_recordings([[running(seed)] for seed in range(12)], TeacherSize(), 0) < 0


def test_equal_recordings_have_no_gain() -> None:
    assert phase_gain_of_recordings([[running(0)]] * 6, TeacherSize(), 0) == 0


def test_with_phases_there_is_no_slow_kind(phased: Teacher, cycles: list[Centibels]) -> None:
    assert len(phased.phases) > 2
    assert (phased.kinds, phased.spans) == (PHASED_KINDS, 0)
    windows = torch.from_numpy(cycles[0][None, :9].astype(np.float32))
    with torch.no_grad():
        assert phased(windows, torch.zeros(32), 1).shape == (1, 32)


def test_a_level_of_the_click_is_detected_in_the_rest(phased: Teacher, cycles: list[Centibels]) -> None:
    """While the machine rests, three bands are louder, far less than in a click."""
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
