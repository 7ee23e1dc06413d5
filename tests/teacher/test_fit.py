from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch

from anomaly.teacher.fit import TeacherPlan, fit_teacher
from anomaly.teacher.network import Teacher, TeacherSize

Centibels = npt.NDArray[np.int32]


def same(one: Teacher, other: Teacher) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_the_same_seed_gives_the_same_teacher(segments: list[Centibels], teacher: Teacher) -> None:
    torch.rand(7)
    assert same(fit_teacher(segments, TeacherPlan(epochs=3), seed=0), teacher)
    assert not same(fit_teacher(segments, TeacherPlan(epochs=3), seed=1), teacher)


def test_training_predicts_better_than_the_mean(
    segments: list[Centibels], teacher: Teacher, unseen: Centibels
) -> None:
    standard = torch.from_numpy((unseen - teacher.mean.numpy()) / teacher.deviation.numpy()).float()
    view = standard.unfold(0, 5, 1).transpose(1, 2)
    with torch.no_grad():
        left = float((view[:, 2] - teacher.autoencoder(view)).square().mean())
    assert left < 0.8 * float(view[:, 2].square().mean())


def test_training_beats_its_linear_start(segments: list[Centibels]) -> None:
    """Something in it is not linear: the sign of a band is the product of two neighbours' signs."""
    random = np.random.default_rng(0)
    made = []
    for segment in segments:
        signs = random.choice([-1, 1], (len(segment), 32))
        signs[2:] = np.where(np.arange(32) < 16, signs[2:], signs[1:-1] * signs[:-2])
        made.append((-4000 + 500 * signs + random.integers(-50, 50, signs.shape)).astype(np.int32))
    start, trained = (fit_teacher(made, TeacherPlan(epochs=epochs), seed=0) for epochs in (0, 6))
    losses = []
    for teacher in (start, trained):
        standard = torch.from_numpy(np.concatenate(made).astype(np.float32) - teacher.mean.numpy())
        view = (standard / teacher.deviation).unfold(0, 5, 1).transpose(1, 2)
        with torch.no_grad():
            losses.append(float((view[:, 2, 16:] - teacher.autoencoder(view)[:, 16:]).square().mean()))
    assert losses[1] < losses[0]


def test_standardisation_is_that_of_the_levels(segments: list[Centibels], teacher: Teacher) -> None:
    everything = np.concatenate(segments)
    assert teacher.mean.numpy() == pytest.approx(everything.mean(axis=0), rel=1e-6)
    assert teacher.deviation.numpy() == pytest.approx(everything.std(axis=0), rel=1e-5)


def test_progress_is_told(segments: list[Centibels]) -> None:
    shares: list[float] = []
    fit_teacher(segments[:1], TeacherPlan(epochs=4), seed=0, progress=shares.append)
    assert shares == [0.25, 0.5, 0.75, 1.0]


def test_another_size(segments: list[Centibels]) -> None:
    size = TeacherSize(context=3, hidden=16, bottleneck=4)
    teacher = fit_teacher(segments[:1], TeacherPlan(size, epochs=1), seed=0)
    assert teacher(torch.zeros(2, 3, 32)).shape == (2, 32)
    assert not teacher.training


def test_bands_that_never_move_do_no_harm(segments: list[Centibels]) -> None:
    stuck = [segment.copy() for segment in segments]
    for segment in stuck:
        segment[:, 28:] = -12_000
    teacher = fit_teacher(stuck, TeacherPlan(epochs=1), seed=0)
    with torch.no_grad():
        errors = teacher(torch.from_numpy(stuck[0][None, :5].astype(np.float32)))
    assert torch.isfinite(errors).all()
    # A band that begins to move after all is a surprise, not a division by zero.
    moved = stuck[0][None, :5].astype(np.float32)
    moved[:, :, 30] += 100
    with torch.no_grad():
        assert torch.isfinite(teacher(torch.from_numpy(moved))).all()


def test_segments_shorter_than_a_window_are_passed_over(segments: list[Centibels]) -> None:
    with_stub = [*segments, segments[0][:3]]
    assert fit_teacher(with_stub, TeacherPlan(epochs=1), seed=0) is not None
