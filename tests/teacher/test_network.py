from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch

from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.errors import ModelError
from anomaly.teacher.network import MaskedFrameAutoencoder, Teacher, TeacherSize, past_frames


def windows(levels: npt.NDArray[np.int32], context: int = 9) -> torch.Tensor:
    view = np.lib.stride_tricks.sliding_window_view(levels.astype(np.float32), context, axis=0)
    return torch.from_numpy(np.ascontiguousarray(view.transpose(0, 2, 1)))


def errors_of(teacher: Teacher, levels: npt.NDArray[np.int32], seconds: int = 1) -> npt.NDArray[np.float32]:
    """Return the errors of every frame, with the mean innovation of all of them."""
    with torch.no_grad():
        recent = teacher.innovations(windows(levels)).mean(dim=0)
        return np.asarray(teacher(windows(levels), recent, seconds))


def randomised(members: int = 3) -> MaskedFrameAutoencoder:
    """Return a network whose members have random outputs."""
    torch.manual_seed(0)
    net = MaskedFrameAutoencoder(TeacherSize(members=members))
    for member in net.members:
        for last in (member.decode, member.spread):
            torch.nn.init.normal_(last.weight, std=0.1)
    return net


def test_the_newest_frame_does_not_affect_its_prediction() -> None:
    net, frames = randomised(), torch.randn(3, 9, 32)
    other = frames.clone()
    other[:, 8] = 99.0
    for one, two in zip(net(past_frames(frames)), net(past_frames(other)), strict=True):
        assert torch.equal(one, two)
    for frame in range(8):
        other = frames.clone()
        other[:, frame, 7] += 1.0
        for one, two in zip(net(past_frames(frames)), net(past_frames(other)), strict=True):
            assert not torch.equal(one, two)


def test_the_past_is_every_frame_but_the_newest_in_order() -> None:
    frames = torch.arange(15.0).reshape(1, 5, 3)
    assert past_frames(frames).tolist() == [list(range(12))]


def test_the_network_starts_as_a_linear_map_of_constant_variance() -> None:
    torch.manual_seed(0)
    net = MaskedFrameAutoencoder(TeacherSize())
    frames = past_frames(torch.randn(4, 9, 32))
    mean, log_variance = net(frames)
    assert torch.equal(mean, net.linear(frames))
    assert torch.equal(log_variance, torch.zeros(4, 32))


def test_predictions_of_members_are_averaged() -> None:
    net, frames = randomised(2), past_frames(torch.randn(5, 9, 32))
    (one, wide), (two, narrow) = (member(frames) for member in net.members)
    mean, log_variance = net(frames)
    assert not torch.equal(one, two)
    assert torch.allclose(mean, net.linear(frames) + (one + two) / 2)
    assert torch.allclose(log_variance, (wide + narrow) / 2)


def test_an_innovation_is_in_units_of_the_predicted_deviation() -> None:
    net, frames = randomised(), torch.randn(6, 9, 32)
    mean, log_variance = net(past_frames(frames))
    net.deviation.copy_(torch.linspace(0.5, 2.0, 32))
    expected = (frames[:, 8] - mean) / (net.deviation * torch.exp(log_variance / 2))
    assert torch.allclose(net.innovation(frames), expected, atol=1e-5)


def test_errors_of_normal_sound_are_about_one(teacher: Teacher, unseen: npt.NDArray[np.int32]) -> None:
    errors = torch.from_numpy(errors_of(teacher, unseen))
    assert errors.shape == (592, 2 * SUB_BAND_GROUPS)
    assert (errors >= 0).all()
    # Whitened: variance one, but for the shrinkage of the covariance and for sound that the fit did not see.
    assert 0.8 < float(errors[:, :SUB_BAND_GROUPS].mean()) < 2.0


def test_the_sum_over_groups_is_the_squared_length_of_the_innovation(
    teacher: Teacher, unseen: npt.NDArray[np.int32]
) -> None:
    errors = errors_of(teacher, unseen)
    with torch.no_grad():
        length = teacher.innovations(windows(unseen)).square().sum(dim=1).numpy()
    # Each group is a mean over two bands.
    assert errors[:, :SUB_BAND_GROUPS].sum(axis=1) * 2 == pytest.approx(length, rel=1e-3)


def test_jumps_raise_the_innovation(teacher: Teacher, unseen: npt.NDArray[np.int32]) -> None:
    jumping = unseen.copy()
    jumping[8::5, :] += 900
    before, jumpy = errors_of(teacher, unseen), errors_of(teacher, jumping)
    assert jumpy[::5, :SUB_BAND_GROUPS].mean() > 1.3 * before[::5, :SUB_BAND_GROUPS].mean()


def test_a_small_steady_shift_raises_the_slow_kind(teacher: Teacher, unseen: npt.NDArray[np.int32]) -> None:
    """A shift of a fifth of a band's deviation, in one band out of two, all the time."""
    shifted = unseen.copy()
    shifted[:, ::2] += np.rint(0.2 * teacher.deviation.numpy()[::2]).astype(np.int32)
    before, after = errors_of(teacher, unseen, teacher.spans), errors_of(teacher, shifted, teacher.spans)
    rise = after.reshape(-1, 2, SUB_BAND_GROUPS).mean(axis=(0, 2)) / before.reshape(
        -1, 2, SUB_BAND_GROUPS
    ).mean(axis=(0, 2))
    assert rise[1] > 3 * rise[0]


def test_means_are_whitened_for_each_number_of_seconds(
    teacher: Teacher, unseen: npt.NDArray[np.int32]
) -> None:
    """Means over more seconds scatter less: each number of them has a whitening of its own."""
    assert teacher.slow_matrix is not None
    gain = teacher.slow_matrix.diagonal(dim1=1, dim2=2).sum(dim=1)
    assert teacher.spans > 1
    assert bool((gain.diff() > 0).all())
    with torch.no_grad():
        innovations = teacher.innovations(windows(unseen))
        for seconds in (1, teacher.spans):
            length = 31 * seconds - 9
            slow = [
                teacher(torch.zeros(1, 9, 32), innovations[at : at + length].mean(dim=0), seconds)
                for at in range(0, len(innovations) - length, 40)
            ]
            # Below one: with so little sound the covariance is mostly shrinkage.
            assert 0.3 < float(torch.cat(slow)[:, SUB_BAND_GROUPS:].mean()) < 2.5


def test_a_teacher_has_a_slow_kind_or_phases(teacher: Teacher) -> None:
    parts = (teacher.autoencoder, teacher.mean, teacher.deviation)
    whitening = (teacher.innovation_mean, teacher.innovation_matrix)
    with pytest.raises(ModelError, match="a slow kind of error, or phases"):
        Teacher(*parts, whitening, None)


@pytest.mark.parametrize("bands", [0, -16, 8, 33])
def test_bands_must_make_groups(bands: int) -> None:
    with pytest.raises(ModelError, match="16 groups"):
        TeacherSize(bands=bands)


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ({"past": 0}, "0 frames of the past"),
        ({"past": 9}, "9 frames of the past"),
        ({"past": 4, "window": 6}, "a window of 6"),
        ({"window": 0}, "a window of 0"),
        ({"members": 0}, "0 members"),
    ],
)
def test_a_window_lies_within_the_past_and_the_past_within_the_warm_up(
    sizes: dict[str, int], words: str
) -> None:
    with pytest.raises(ModelError, match=words):
        TeacherSize(**sizes)
