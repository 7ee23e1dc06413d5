"""One score, whatever way the sound takes: in one go, in odd blocks, after a reset, beside others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from anomaly.detect import scoring
from anomaly.detect.pooling import SUB_BAND_GROUPS, soft_maximum
from anomaly.detect.scoring import Scorer, SecondScore, recording_errors, recording_score
from anomaly.errors import InputError
from anomaly.features.front_end import WARM_UP_FRAMES, segment_levels
from anomaly.features.level_reference import fit_level_reference
from anomaly.features.mel import Samples

SIZES = [7, 160, 1023, 16_000, 48_000]


@pytest.fixture(params=["student", "teacher"])
def detector(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(params=["small", "small_normalised"])
def scorer(request: pytest.FixtureRequest, detector: str) -> Scorer:
    made: Scorer = request.getfixturevalue(request.param).scorer(detector)
    return made


def bits(seconds: list[SecondScore]) -> list[tuple[int, str, str, bytes]]:
    """Everything in the scores, such that equal means equal to the last bit."""
    return [(s.second, s.score.hex(), s.p_value.hex(), s.groups.tobytes()) for s in seconds]


def blocks(samples: Samples, size: Callable[[], int]) -> Iterator[Samples]:
    start = 0
    while start < len(samples):
        step = size()
        yield samples[start : start + step]
        start += step


def streamed(scorer: Scorer, samples: Samples, size: Callable[[], int]) -> list[SecondScore]:
    stream = scorer.stream()
    return [score for block in blocks(samples, size) for score in stream.push(block)]


@pytest.mark.parametrize("size", SIZES)
def test_a_stream_of_blocks_is_the_recording(scorer: Scorer, sound: Samples, size: int) -> None:
    whole = scorer.recording(sound)
    assert [s.second for s in whole] == list(range(8))
    assert bits(streamed(scorer, sound, lambda: size)) == bits(whole)


def test_the_levels_of_a_recording_score_like_its_sound(scorer: Scorer, sound: Samples) -> None:
    levels = segment_levels(sound, scorer.front_end)
    assert bits(scorer.levels(levels, len(sound) // 16_000)) == bits(scorer.recording(sound))


@pytest.mark.parametrize("seed", range(3))
def test_a_stream_of_random_blocks_is_the_recording(scorer: Scorer, sound: Samples, seed: int) -> None:
    random = np.random.default_rng(seed)
    whole = scorer.recording(sound)
    assert bits(streamed(scorer, sound, lambda: int(np.exp(random.uniform(0, 11))))) == bits(whole)


def test_a_stream_that_is_reset_begins_a_recording(scorer: Scorer, sound: Samples) -> None:
    stream = scorer.stream()
    before = [s for block in blocks(sound[:70_000], lambda: 3_001) for s in stream.push(block)]
    stream.reset()
    after = [s for block in blocks(sound[70_000:], lambda: 3_001) for s in stream.push(block)]
    assert bits(before) == bits(scorer.recording(sound[:70_000]))
    begun = scorer.recording(sound[70_000:])
    assert [(s.score, s.groups.tobytes()) for s in after] == [(s.score, s.groups.tobytes()) for s in begun]
    # Seconds go on being counted from the start of the stream.
    assert [s.second for s in after] == [4, 5, 6, 7][: len(begun)]


def test_a_score_forgets_what_was_before_the_last_reset(scorer: Scorer, sound: Samples) -> None:
    other = sound.copy()
    other[:48_000] = sound[48_000:96_000]
    one, two = scorer.recording(sound), scorer.recording(other)
    assert [s.score for s in one[:3]] != [s.score for s in two[:3]]
    assert bits(one[3:]) == bits(two[3:])


def test_level_normalisation_takes_gain_off(small: Any, small_normalised: Any, sound: Samples) -> None:
    # A whole number of hundredths of a decibel, less what float32 rounds.
    quiet = 0.1 * sound
    for name in ("student", "teacher"):
        deaf, keen = small_normalised.scorer(name), small.scorer(name)
        assert recording_score(deaf.recording(quiet)) == pytest.approx(
            recording_score(deaf.recording(sound)), abs=0.1
        )
        assert recording_score(keen.recording(quiet)) > recording_score(keen.recording(sound)) + 10


def test_streams_and_recordings_do_not_disturb_each_other(scorer: Scorer, sound: Samples) -> None:
    other = sound[::-1].copy()
    first, second = scorer.stream(), scorer.stream()
    ours: list[SecondScore] = []
    theirs: list[SecondScore] = []
    for start in range(0, len(sound), 5_000):
        ours += first.push(sound[start : start + 5_000])
        theirs += second.push(other[start : start + 5_000])
        if start == 60_000:
            scorer.recording(other)
    assert bits(ours) == bits(scorer.recording(sound))
    assert bits(theirs) == bits(scorer.recording(other))


def test_segments_side_by_side_are_segments_one_by_one(
    scorer: Scorer, sound: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = np.concatenate([sound, sound[::-1], sound])
    together = scorer.recording(long)
    monkeypatch.setattr(scoring, "_MOST_STREAMS", 1)
    assert bits(scorer.recording(long)) == bits(together)


def test_a_longer_recording_begins_with_the_shorter_one(scorer: Scorer, sound: Samples) -> None:
    whole = scorer.recording(sound)
    for seconds in range(1, 8):
        assert bits(scorer.recording(sound[: 16_000 * seconds + 777])) == bits(whole[:seconds])


@pytest.mark.parametrize("samples", [0, 1, 15_999])
def test_less_than_a_second_has_no_score(scorer: Scorer, sound: Samples, samples: int) -> None:
    with pytest.raises(InputError, match=r"clip\.wav: holds \d\.\d\d s of sound") as caught:
        scorer.recording(sound[:samples], where="clip.wav")
    assert caught.value.hint is not None
    assert streamed(scorer, sound[:samples], lambda: 1_000) == []


def test_frames_of_the_warm_up_do_not_count(scorer: Scorer, sound: Samples) -> None:
    errors = recording_errors(sound, scorer.front_end, scorer.detector)
    lengths = [30 - WARM_UP_FRAMES, 31, 31] * 2 + [30 - WARM_UP_FRAMES, 31]
    assert [len(second) for second in errors] == lengths
    assert {second.shape[1] for second in errors} == {scorer.detector.channels}


def test_what_differs_from_normal_scores_higher(scorer: Scorer, sound: Samples) -> None:
    time = np.arange(len(sound)) / 16_000
    whistle = sound + (0.05 * np.sin(2 * np.pi * 2900 * time)).astype(np.float32)
    normal, wrong = scorer.recording(sound), scorer.recording(whistle)
    assert all(w.score > n.score + 2 for w, n in zip(wrong, normal, strict=True))
    assert all(w.p_value <= n.p_value for w, n in zip(wrong, normal, strict=True))
    assert np.mean([s.score for s in wrong]) > max(s.score for s in normal)


def test_the_group_of_a_soft_whistle_is_the_worst(scorer: Scorer, sound: Samples) -> None:
    time = np.arange(len(sound)) / 16_000
    whistle = sound + (0.008 * np.sin(2 * np.pi * 2900 * time)).astype(np.float32)
    wrong = scorer.recording(whistle)
    assert wrong[0].groups.shape == (SUB_BAND_GROUPS,)
    # 2.9 kHz lies in the twelfth of sixteen groups.
    assert abs(int(np.mean([s.groups for s in wrong], axis=0).argmax()) - 11) <= 1


def test_the_score_of_a_recording_is_the_soft_maximum_of_its_seconds() -> None:
    def scores(*values: float) -> list[SecondScore]:
        return [SecondScore(i, value, 0.5, np.zeros(SUB_BAND_GROUPS)) for i, value in enumerate(values)]

    assert recording_score(scores(1.5)) == 1.5
    assert recording_score(scores(1, 1, 1)) == pytest.approx(1)
    assert recording_score(scores(0, 0, 0, 60)) == pytest.approx(60 - 2 * np.log(4))
    assert recording_score(scores(-60, 60)) == 2 * soft_maximum(np.array([-30.0, 30.0]))


def test_activity_is_that_of_sound_alone(small: Any, sound: Samples) -> None:
    """A last segment that is shorter than the others is not filled up with silence."""
    whole, parts = small.detector("student"), small.detector("student")
    recording_errors(sound, small.front_end, whole)
    for start in range(0, 8 * 16_000, 3 * 16_000):
        recording_errors(sound[start : min(start + 48_000, 8 * 16_000)], small.front_end, parts)
    assert whole.activity == parts.activity
    assert whole.activity.steps == 4 * (92 + 92 + 61)


def test_groups_are_floats_of_the_pooling(scorer: Scorer, sound: Samples) -> None:
    groups: npt.NDArray[Any] = scorer.recording(sound)[0].groups
    assert groups.dtype == np.float64
    assert np.isfinite(groups).all()


@pytest.fixture
def levelled(scorer: Scorer, sound: Samples) -> Scorer:
    """A scorer that compensates small gains."""
    level = fit_level_reference([sound], scorer.front_end)
    return Scorer(scorer.front_end, scorer.detector, scorer.calibration, level=level)


@pytest.mark.parametrize("gain_db", [-3, 2])
def test_a_compensated_gain_is_the_same_in_streams_and_levels(
    levelled: Scorer, sound: Samples, gain_db: int
) -> None:
    changed = (sound * 10 ** (gain_db / 20)).astype(np.float32)
    whole = levelled.recording(changed)
    assert bits(streamed(levelled, changed, lambda: 5_003)) == bits(whole)
    assert bits(levelled.levels(segment_levels(changed, levelled.front_end), 8)) == bits(whole)


def test_training_sound_scores_as_without_compensation(
    levelled: Scorer, scorer: Scorer, sound: Samples
) -> None:
    assert bits(levelled.recording(sound)) == bits(scorer.recording(sound))


def test_a_small_gain_is_compensated(small: Any, sound: Samples, detector: str) -> None:
    scorer = small.scorer(detector)
    level = fit_level_reference([sound], scorer.front_end)
    levelled = Scorer(scorer.front_end, scorer.detector, scorer.calibration, level=level)
    louder = (sound * 10 ** (3 / 20)).astype(np.float32)
    scores = [
        [s.score for s in x.recording(y)] for x, y in ((scorer, sound), (scorer, louder), (levelled, louder))
    ]
    normal, raw, compensated = (float(np.mean(x)) for x in scores)
    assert abs(compensated - normal) < 0.25 * (raw - normal)


def test_another_calibration_keeps_the_rest(levelled: Scorer) -> None:
    other = levelled.with_calibration(levelled.calibration)
    assert (other.front_end, other.detector, other.states, other.level) == (
        levelled.front_end,
        levelled.detector,
        levelled.states,
        levelled.level,
    )
