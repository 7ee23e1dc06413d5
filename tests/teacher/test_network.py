from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch

from anomaly.detect.pooling import GROUPS
from anomaly.errors import ModelError
from anomaly.teacher.network import MaskedFrameAutoencoder, Teacher, TeacherSize, neighbours


def windows(levels: npt.NDArray[np.int32], context: int = 5) -> torch.Tensor:
    view = np.lib.stride_tricks.sliding_window_view(levels.astype(np.float32), context, axis=0)
    return torch.from_numpy(np.ascontiguousarray(view.transpose(0, 2, 1)))


def test_the_centre_is_masked() -> None:
    torch.manual_seed(0)
    net = MaskedFrameAutoencoder(TeacherSize())
    torch.nn.init.normal_(net.decode.weight)
    given = torch.randn(3, 5, 32)
    other = given.clone()
    other[:, 2] = 99.0
    assert torch.equal(net(given), net(other))
    for frame in (0, 1, 3, 4):
        other = given.clone()
        other[:, frame, 7] += 1.0
        assert not torch.equal(net(given), net(other))


def test_neighbours_are_the_frames_around_the_centre_in_order() -> None:
    given = torch.arange(15.0).reshape(1, 5, 3)
    assert neighbours(given).tolist() == [[0, 1, 2, 3, 4, 5, 9, 10, 11, 12, 13, 14]]


def test_it_begins_as_a_linear_map() -> None:
    torch.manual_seed(0)
    net = MaskedFrameAutoencoder(TeacherSize())
    given = torch.randn(4, 5, 32)
    assert torch.equal(net(given), net.linear(neighbours(given)))


def test_errors_of_normal_sound_are_about_one(teacher: Teacher, unseen: npt.NDArray[np.int32]) -> None:
    with torch.no_grad():
        errors = teacher(windows(unseen))
    assert errors.shape == (596, 2 * GROUPS)
    assert (errors >= 0).all()
    # Whitened: each component has variance one, but for what the shrinkage of the covariance takes.
    assert 0.8 < float(errors.mean()) < 1.5


def test_the_sum_over_groups_is_the_squared_mahalanobis_distance(
    teacher: Teacher, unseen: npt.NDArray[np.int32]
) -> None:
    with torch.no_grad():
        errors = teacher(windows(unseen)).double().numpy()
    frame = (unseen[2:-2] - teacher.mean.numpy()) / teacher.deviation.numpy() - teacher.frame_mean.numpy()
    matrix = teacher.frame_matrix.double().numpy()
    distance = np.einsum("ni,ij,nj->n", frame, matrix @ matrix.T, frame)
    assert errors[:, :GROUPS].sum(axis=1) * 2 == pytest.approx(distance, rel=1e-3)


def test_each_kind_hears_what_it_is_for(teacher: Teacher, unseen: npt.NDArray[np.int32]) -> None:
    steady, jumping = unseen.copy(), unseen.copy()
    steady[:, 20] += 1500
    jumping[2::5, :] += 900
    with torch.no_grad():
        before, louder, jumpy = (teacher(windows(w)).numpy() for w in (unseen, steady, jumping))
    frame, context = slice(0, GROUPS), slice(GROUPS, 2 * GROUPS)
    assert int((louder - before)[:, frame].mean(axis=0).argmax()) == 10
    assert louder[:, frame].mean() > 2 * before[:, frame].mean()
    assert jumpy[::5, context].mean() > 1.3 * before[::5, context].mean()


@pytest.mark.parametrize("bands", [0, -16, 8, 33])
def test_bands_must_make_groups(bands: int) -> None:
    with pytest.raises(ModelError, match="16 groups"):
        TeacherSize(bands=bands)


@pytest.mark.parametrize("context", [0, 1, 4, 11])
def test_a_window_has_a_middle_and_lies_within_the_warm_up(context: int) -> None:
    with pytest.raises(ModelError, match="context"):
        TeacherSize(context=context)
