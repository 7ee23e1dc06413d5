from __future__ import annotations

import numpy as np
import pytest

from anomaly.audio.simulator import simulate
from anomaly.detect.model import Model
from anomaly.errors import InputError, UsageError
from anomaly.features.mel import Samples
from anomaly.training import train_on_clips
from anomaly.training.profiles import PROFILES, TrainingProfile


@pytest.fixture(scope="module")
def clips() -> list[Samples]:
    sound = simulate("fan", seconds=35, seed=2).samples
    return [sound[start : start + 80_000] for start in range(0, len(sound), 80_000)]


@pytest.fixture(scope="module", autouse=True)
def start_alone() -> None:
    small = PROFILES["small"]
    PROFILES["start"] = TrainingProfile(teacher=small.teacher, closed_form=small.closed_form, distil=None)


@pytest.fixture(scope="module")
def model(clips: list[Samples]) -> Model:
    return train_on_clips(clips, profile="start", level_normalise=True, seed=4)


def test_a_model_that_scores(model: Model) -> None:
    normal = simulate("fan", seconds=4, seed=50).samples
    whistle = normal + (0.1 * np.sin(np.arange(len(normal)) * 1.1)).astype(np.float32)
    assert model.front_end.level_normalise
    for name in ("student", "teacher"):
        assert model.score_clip(whistle, detector=name) > model.score_clip(normal, detector=name) + 1


def test_the_same_seed_gives_the_same_model(model: Model, clips: list[Samples]) -> None:
    again = train_on_clips(clips, profile="start", level_normalise=True, seed=4)
    sound = simulate("fan", seconds=3.5, seed=51).samples
    for name in ("student", "teacher"):
        assert again.score_clip(sound, detector=name).hex() == model.score_clip(sound, detector=name).hex()


@pytest.mark.parametrize(
    "bad",
    [
        [],
        [np.zeros(16_000 * 60, np.float32)],
        [np.full(16_000 * 60, 0.2, np.float32)],
        [0.1 * np.random.default_rng(0).standard_normal(15_000).astype(np.float32)] * 60,
    ],
    ids=["none", "silent", "constant", "too short"],
)
def test_nothing_to_learn_from(bad: list[Samples]) -> None:
    with pytest.raises(InputError, match=r"holds 0\.0 s of usable normal sound"):
        train_on_clips(bad, profile="start")


def test_an_unknown_profile(clips: list[Samples]) -> None:
    with pytest.raises(UsageError):
        train_on_clips(clips, profile="tomorrow")


def test_clips_of_one_recording_are_held_out_together(clips: list[Samples]) -> None:
    names = [f"hall {number % 3}" for number in range(len(clips))]
    together = train_on_clips(clips, recordings=names, profile="start")
    # The third of three recordings; every clip has five seconds.
    assert together.scorer().calibration.recordings == names.count("hall 2")
    assert len(together.scorer().calibration.scores) <= 5 * names.count("hall 2")
    with pytest.raises(ValueError, match="zip"):
        train_on_clips(clips, recordings=names[1:], profile="start")
