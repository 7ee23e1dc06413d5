"""Baselines detect unknown sound, and agree with their published definitions."""

from collections.abc import Iterator

import librosa
import numpy as np
import pytest
import torch
from sklearn.covariance import LedoitWolf

from baselines import Baseline
from baselines.dcase_ae import DcaseAe, _network, _vectors
from baselines.frame_mahalanobis import VARIANTS, FrameMahalanobis
from baselines.log_mel import in_db, log_mel, power
from baselines.mahalanobis import Mahalanobis
from baselines.mean_knn import MeanKnn
from baselines.twfr_gmm import DECAYS, TwfrGmm, _weighted

GENERATOR = np.random.default_rng(0)
HISS = [(0.5 * GENERATOR.standard_normal(32_000)).astype(np.float32) for _ in range(4)]
HUM = (0.01 * np.sin(np.arange(32_000) * 0.1) + 0.001 * GENERATOR.standard_normal(32_000)).astype(np.float32)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Limit torch to one thread: its threads spin while they wait, which is slow on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize(
    "detector",
    [
        DcaseAe(epochs=3),
        MeanKnn(),
        MeanKnn(neighbours=2),
        Mahalanobis(),
        FrameMahalanobis(3, 32),
        FrameMahalanobis(7, 64),
        TwfrGmm(),
    ],
)
def test_every_baseline_detects_sound_unlike_the_training_sound(detector: Baseline) -> None:
    detector.fit(HISS)
    normal, unknown = detector.score(HISS[0]), detector.score(HUM)
    assert np.isfinite([normal, unknown]).all()
    assert unknown > normal


def test_the_published_net() -> None:
    net = _network(torch.Generator())
    widths = [layer.out_features for layer in net if isinstance(layer, torch.nn.Linear)]
    assert widths == [128, 128, 128, 128, 8, 128, 128, 128, 128, 640]
    # Keras counts the running statistics of a BatchNorm too: 269,992 in the published summary.
    counted = sum(p.numel() for p in net.parameters()) + sum(
        b.numel() for name, b in net.named_buffers() if "running" in name
    )
    assert counted == 269_992


def test_front_end_is_that_of_librosa() -> None:
    power = librosa.feature.melspectrogram(
        y=HUM, sr=16_000, n_fft=1024, hop_length=512, n_mels=128, power=2.0
    )
    np.testing.assert_allclose(log_mel(HUM), 10 * np.log10(power).T, atol=1e-3)


def test_five_frames_side_by_side() -> None:
    levels, vectors = log_mel(HUM), _vectors(HUM)
    assert levels.shape[1] == 128
    assert vectors.shape == (len(levels) - 4, 640)
    np.testing.assert_array_equal(vectors[3].reshape(5, 128), levels[3:8])


def test_equal_seeds_give_equal_nets_and_the_loss_falls() -> None:
    losses: list[float] = []
    first = DcaseAe(4, seed=1, progress=lambda epoch, epochs, loss: losses.append(loss))
    second, other = DcaseAe(4, seed=1), DcaseAe(4, seed=2)
    for detector in (first, second, other):
        detector.fit(HISS)
    assert first.score(HUM) == second.score(HUM) != other.score(HUM)
    assert losses == sorted(losses, reverse=True)


def test_nearest_neighbour_of_training_sound_is_itself() -> None:
    detector = MeanKnn()
    detector.fit([HISS[0], HUM])
    assert detector.score(HUM) == pytest.approx(0.0, abs=1e-3)


def test_frame_mahalanobis_is_that_of_scikit_learn() -> None:
    detector = FrameMahalanobis(5, 32)
    detector.fit(HISS)

    def stacked(clip: np.ndarray) -> np.ndarray:
        levels = in_db(power(clip), 32)
        return np.stack([levels[i : i + 5].ravel() for i in range(len(levels) - 4)])

    oracle = LedoitWolf().fit(np.concatenate([stacked(clip) for clip in HISS]))
    assert detector.score(HUM) == pytest.approx(oracle.mahalanobis(stacked(HUM)).mean(), rel=1e-4)
    assert len(set(VARIANTS)) == 6


def test_ranked_pooling_goes_from_the_mean_to_the_maximum() -> None:
    falling = np.sort(GENERATOR.standard_normal((20, 3)), axis=0)[::-1]
    np.testing.assert_allclose(_weighted(falling, 1.0), falling.mean(axis=0))
    np.testing.assert_allclose(_weighted(falling, 0.0), falling.max(axis=0))
    assert (_weighted(falling, 0.5) > falling.mean(axis=0)).all()


def test_a_decay_is_chosen_without_anomalies() -> None:
    detector = TwfrGmm(seed=1)
    detector.fit(HISS)
    assert detector.decay in DECAYS
