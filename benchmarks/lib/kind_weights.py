"""Teacher and student with other weights of their kinds of error: the choice that the nested figures make anew.

Weights are those of the score's kinds in their order (innovation and slow of the teacher, comparators and drift of the
student). Nothing is trained again: the weights act on finished error levels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from anomaly.detect.decision import Limit
from anomaly.detect.pooling import Pooling
from anomaly.detect.scoring import Scorer, SecondScore, level_errors, recording_levels, recording_score
from anomaly.evaluate.bench.clips import Samples
from anomaly.evaluate.bench.rounds import PValues, Score
from anomaly.features.mel import SAMPLE_RATE_HZ

WEIGHTS = ((1.0, 0.0), (3.0, 1.0), (2.0, 1.0), (1.0, 1.0), (1.0, 2.0))
BUDGET_PER_DAY = 1.0
_MARK = " weights "


def variant(detector: str, weights: Sequence[float]) -> str:
    """Name of a detector with other weights."""
    return detector + _MARK + ":".join(f"{one:g}" for one in weights)


def is_variant(name: str) -> bool:
    """Return whether a name is that of a detector with other weights."""
    return _MARK in name


def variants_of(detector: str, names: Sequence[str]) -> list[str]:
    """Return the names that are a detector with any weights, its own ones first."""
    return [name for name in names if name == detector] + [
        name for name in names if name.startswith(detector + _MARK)
    ]


def with_weights(name: str, scorer: Scorer) -> Mapping[str, Score]:
    """Return the score function of a detector as it is, and one with each of `WEIGHTS`.

    A detector with other than two kinds of error has no variants.
    """
    pooling, errors = scorer.calibration.pooling, _ClipErrors(scorer)
    found: dict[str, Score] = {name: _Deciding(errors, scorer)}
    if pooling.kinds == len(WEIGHTS[0]):
        for weights in WEIGHTS:
            shares = np.array(weights) / sum(weights)
            found[variant(name, weights)] = errors.scoring(replace(pooling, shares=shares))
    return found


class _ClipErrors:
    """Error levels of all clips that were scored, so that several weightings share them."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        # By identity of the clip; the clip itself is kept, so that no other gets its identity.
        self._known: dict[int, tuple[Samples, list[Any]]] = {}

    def scoring(self, pooling: Pooling) -> Score:
        """Return the score function with a pooling."""
        return lambda clips: [recording_score(_seconds(clip, pooling)) for clip in self.of(clips)]

    def of(self, clips: Sequence[Samples]) -> list[list[Any]]:
        """Return the error levels of each second of each clip."""
        return [self._clip(clip) for clip in clips]

    def _clip(self, clip: Samples) -> list[Any]:
        if id(clip) not in self._known:
            scorer = self._scorer
            levels = recording_levels(clip, scorer.front_end, scorer.level)
            errors = level_errors(levels, len(clip) // SAMPLE_RATE_HZ, scorer.front_end, scorer.detector)
            self._known[id(clip)] = clip, errors
        return self._known[id(clip)][1]


class _Deciding:
    """Score function of a detector as it is, with the input of its decision."""

    def __init__(self, errors: _ClipErrors, scorer: Scorer) -> None:
        self._errors, self._calibration = errors, scorer.calibration
        self._score = errors.scoring(scorer.calibration.pooling)

    def __call__(self, clips: Sequence[Samples]) -> Sequence[float]:
        return self._score(clips)

    def decision_input(self, clips: Sequence[Samples]) -> tuple[PValues, Limit]:
        """Return the tail probabilities of the clips, and the limit for one false alarm a day."""
        calibration = self._calibration
        found = [
            [calibration.p_value(second.score) for second in _seconds(clip, calibration.pooling)]
            for clip in self._errors.of(clips)
        ]
        return found, calibration.limit(BUDGET_PER_DAY)


def _seconds(errors: Sequence[Any], pooling: Pooling) -> list[SecondScore]:
    pooled = [pooling.second(second) for second in errors]
    # The p-value is not part of a clip's score.
    return [SecondScore(number, one.score, 1.0, one.groups) for number, one in enumerate(pooled)]
