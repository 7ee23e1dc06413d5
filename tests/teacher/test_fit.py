"""Training of the teacher: reproducible, better than its linear start."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch

from anomaly.errors import ModelError
from anomaly.teacher.fit import TeacherPlan, fit_teacher, innovation_nll
from anomaly.teacher.network import Teacher, TeacherSize

Centibels = npt.NDArray[np.int32]


def same(one: Teacher, other: Teacher) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_the_same_seed_gives_the_same_teacher(segments: list[Centibels], teacher: Teacher) -> None:
    torch.rand(7)
    assert same(fit_teacher(segments, TeacherPlan(epochs=3), seed=0), teacher)
    assert not same(fit_teacher(segments, TeacherPlan(epochs=3), seed=1), teacher)


def test_training_predicts_better_than_the_mean(teacher: Teacher, unseen: Centibels) -> None:
    # A guess of the mean, with the deviation of each band, is half a nat wrong.
    assert innovation_nll(teacher, [unseen]) + float(teacher.autoencoder.deviation.log().mean()) < 0.45


def test_training_beats_its_linear_start_where_the_variance_varies() -> None:
    """The variance of a frame depends on the frames before it."""
    random = np.random.default_rng(0)

    def segment() -> Centibels:
        loud = np.repeat(random.choice([0, 1], 40), 15)
        noise = random.standard_normal((600, 32)) * np.where(loud, 500, 60)[:, None]
        return np.rint(-4000 + 800 * loud[:, None] + noise).astype(np.int32)

    made, other = [segment() for _ in range(4)], [segment()]
    start, trained = (fit_teacher(made, TeacherPlan(epochs=epochs), seed=0) for epochs in (0, 6))
    assert innovation_nll(trained, other) < innovation_nll(start, other) - 0.2


def test_without_epochs_the_model_is_linear(segments: list[Centibels]) -> None:
    teacher = fit_teacher(segments, TeacherPlan(epochs=0), seed=0)
    given = torch.randn(4, 8 * 32)
    mean, log_variance = teacher.autoencoder(given)
    assert torch.equal(mean, teacher.autoencoder.linear(given))
    assert not log_variance.any()


def test_standardisation_is_that_of_the_levels(segments: list[Centibels], teacher: Teacher) -> None:
    everything = np.concatenate(segments)
    assert teacher.mean.numpy() == pytest.approx(everything.mean(axis=0), rel=1e-6)
    assert teacher.deviation.numpy() == pytest.approx(everything.std(axis=0), rel=1e-5)


def test_progress_is_reported(segments: list[Centibels]) -> None:
    shares: list[float] = []
    fit_teacher(segments[:1], TeacherPlan(epochs=4), seed=0, progress=shares.append)
    assert shares == [0.25, 0.5, 0.75, 1.0]


def test_another_size_is_trained(segments: list[Centibels]) -> None:
    size = TeacherSize(past=2, window=3, hidden=16, bottleneck=4)
    teacher = fit_teacher(segments[:1], TeacherPlan(size, epochs=1), seed=0)
    assert teacher(torch.zeros(2, 3, 32), torch.zeros(32), 1).shape == (2, 32)
    assert not teacher.training


def test_constant_bands_give_finite_errors(segments: list[Centibels]) -> None:
    stuck = [segment.copy() for segment in segments]
    for segment in stuck:
        segment[:, 28:] = -12_000
    teacher = fit_teacher(stuck, TeacherPlan(epochs=1), seed=0)
    usual = torch.from_numpy(stuck[0].mean(axis=0).astype(np.float32))
    with torch.no_grad():
        errors = teacher(torch.from_numpy(stuck[0][None, :9].astype(np.float32)), usual, 1)
    assert torch.isfinite(errors).all()
    # A band that begins to move after all is a surprise, not a division by zero.
    moved = stuck[0][None, :9].astype(np.float32)
    moved[:, :, 30] += 100
    with torch.no_grad():
        assert torch.isfinite(teacher(torch.from_numpy(moved), torch.from_numpy(moved[0, 0]), 1)).all()


def test_segments_shorter_than_a_window_are_ignored(segments: list[Centibels]) -> None:
    with_stub = [*segments, segments[0][:3]]
    assert fit_teacher(with_stub, TeacherPlan(epochs=1), seed=0) is not None


def test_too_little_sound_is_refused(segments: list[Centibels]) -> None:
    with pytest.raises(ModelError, match="too short for a mean"):
        fit_teacher([segments[0][:30]], TeacherPlan(epochs=0), seed=0)
