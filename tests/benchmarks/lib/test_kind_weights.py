"""Score functions of a detector with other weights of its kinds of error."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.detect.scoring import recording_score
from anomaly.evaluate.bench.rounds import DecidingScore
from anomaly.features.mel import Samples
from anomaly.training import train_on_clips
from lib.kind_weights import WEIGHTS, variant, with_weights


@pytest.fixture(scope="module")
def clips() -> list[Samples]:
    random = np.random.default_rng(0)
    return [(0.1 * random.standard_normal(16_000 * 6)).astype(np.float32) for _ in range(8)]


def test_the_detector_itself_scores_as_the_product_does(clips: list[Samples]) -> None:
    scorer = train_on_clips(clips, profile="fast").scorer("teacher")
    found = with_weights("teacher", scorer)
    assert list(found) == ["teacher", *(variant("teacher", one) for one in WEIGHTS)]
    wanted = [recording_score(scorer.recording(clip)) for clip in clips[:3]]
    assert found["teacher"](clips[:3]) == wanted
    # The teacher's own weights are two to one.
    assert found[variant("teacher", (2.0, 1.0))](clips[:3]) == pytest.approx(wanted, rel=1e-12)
    assert found[variant("teacher", (1.0, 2.0))](clips[:3]) != wanted
    # Other clips are not taken for those scored before.
    assert found["teacher"](clips[3:6]) != wanted


def test_the_decision_gets_the_probabilities_of_the_product(clips: list[Samples]) -> None:
    scorer = train_on_clips(clips, profile="fast").scorer("student")
    score = with_weights("student", scorer)["student"]
    assert isinstance(score, DecidingScore)
    p_values, limit = score.decision_input(clips[:2])
    assert p_values == [[second.p_value for second in scorer.recording(clip)] for clip in clips[:2]]
    assert limit == scorer.calibration.limit(1.0)
