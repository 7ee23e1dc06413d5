"""Clips heard by the front end once, and scored by any number of detectors, many clips side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from anomaly.detect.detectors.detector import Detector
from anomaly.detect.pooling import Pooling, Scale, fit_pooling
from anomaly.detect.scoring import SecondPipeline, SecondScore, recording_score
from anomaly.evaluate.bench.clips import Samples
from anomaly.evaluate.bench.rounds import Score
from anomaly.features.front_end import FrontEnd, frames_before, segment_levels
from anomaly.features.mel import SAMPLE_RATE_HZ, Centibels

# Enough to amortise a step, few enough to stay in the cache.
_STREAMS = 64

Errors = list[npt.NDArray[Any]]


class Heard:
    """Levels of clips.

    Args:
        clips: float32, 16 kHz, at least one second each.
        front_end: how to listen.
    """

    def __init__(self, clips: Sequence[Samples], front_end: FrontEnd) -> None:
        self._front_end, self._count = front_end, len(clips)
        # By length in seconds: whose they are, and in which place, with the levels.
        self._segments: dict[int, list[tuple[int, int, Centibels]]] = {}
        for number, samples in enumerate(clips):
            seconds = len(samples) // SAMPLE_RATE_HZ
            for place, levels in enumerate(segment_levels(samples, front_end)):
                length = min(front_end.reset_s, seconds - place * front_end.reset_s)
                if length > 0:
                    whole = levels[: frames_before(length)]
                    self._segments.setdefault(length, []).append((number, place, whole))

    def errors(self, detector: Detector) -> list[Errors]:
        """Error levels of each second of each clip, as `recording_errors` has them."""
        found: list[dict[int, Errors]] = [{} for _ in range(self._count)]
        for length, segments in self._segments.items():
            for first in range(0, len(segments), _STREAMS):
                part = segments[first : first + _STREAMS]
                levels = np.stack([levels for _, _, levels in part])
                pipeline = SecondPipeline(self._front_end, detector, len(part))
                by_second = [
                    pipeline.push(k, levels[:, frames_before(k) : frames_before(k + 1)])
                    for k in range(length)
                ]
                for stream, (number, place, _) in enumerate(part):
                    found[number][place] = [errors[stream] for errors in by_second]
        return [[second for place in sorted(clip) for second in clip[place]] for clip in found]

    def scores(self, detector: Detector, pooling: Pooling) -> list[float]:
        """One score for each clip."""
        return [
            recording_score([_second(k, errors, pooling) for k, errors in enumerate(clip)])
            for clip in self.errors(detector)
        ]

    def pooling(self, detector: Detector, scale: Scale) -> Pooling:
        """The detector's standardisation on these clips, if they are normal sound."""
        return fit_pooling([second for clip in self.errors(detector) for second in clip], scale)


def _second(number: int, errors: npt.NDArray[Any], pooling: Pooling) -> SecondScore:
    pooled = pooling.second(errors)
    # How probable the score is does not change the clip's.
    return SecondScore(number, pooled.score, 1.0, pooled.groups)


class Ear:
    """Hears the same clips only once, however many detectors are asked about them.

    Args:
        front_end: how to listen.
    """

    def __init__(self, front_end: FrontEnd) -> None:
        self._front_end = front_end
        self._heard: dict[tuple[int, ...], tuple[Sequence[Samples], Heard]] = {}

    def heard(self, clips: Sequence[Samples]) -> Heard:
        """Levels of these very clips."""
        key = tuple(id(clip) for clip in clips)
        if key not in self._heard:
            # Keeping the clips keeps their numbers.
            self._heard[key] = (clips, Heard(clips, self._front_end))
        return self._heard[key][1]

    def scoring(self, detector: Detector, pooling: Pooling) -> Score:
        """A detector as the bench wants it."""
        return lambda clips: self.heard(clips).scores(detector, pooling)
