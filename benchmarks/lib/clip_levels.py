"""Mel levels of clips, computed once and scored by any number of detectors, many clips in one batch."""

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

# Segments of one batch: enough to amortise a step, few enough to stay in the processor's cache.
_BATCH_SEGMENTS = 64

Errors = list[npt.NDArray[Any]]


class ClipLevels:
    """Mel levels of clips, grouped by the length of their segments.

    Args:
        clips: float32, 16 kHz, at least one second each.
        front_end: computes the levels.
    """

    def __init__(self, clips: Sequence[Samples], front_end: FrontEnd) -> None:
        self._front_end, self._count = front_end, len(clips)
        # By length in seconds: (clip, segment of the clip, levels).
        self._segments: dict[int, list[tuple[int, int, Centibels]]] = {}
        for clip, samples in enumerate(clips):
            seconds = len(samples) // SAMPLE_RATE_HZ
            for segment, levels in enumerate(segment_levels(samples, front_end)):
                length = min(front_end.reset_s, seconds - segment * front_end.reset_s)
                if length > 0:
                    whole = levels[: frames_before(length)]
                    self._segments.setdefault(length, []).append((clip, segment, whole))

    def errors(self, detector: Detector) -> list[Errors]:
        """Error levels of each second of each clip; the same values as `recording_errors`."""
        found: list[dict[int, Errors]] = [{} for _ in range(self._count)]
        for length, segments in self._segments.items():
            for first in range(0, len(segments), _BATCH_SEGMENTS):
                batch = segments[first : first + _BATCH_SEGMENTS]
                levels = np.stack([levels for _, _, levels in batch])
                pipeline = SecondPipeline(self._front_end, detector, len(batch))
                by_second = [
                    pipeline.push(k, levels[:, frames_before(k) : frames_before(k + 1)])
                    for k in range(length)
                ]
                for stream, (clip, segment, _) in enumerate(batch):
                    found[clip][segment] = [errors[stream] for errors in by_second]
        return [[second for segment in sorted(clip) for second in clip[segment]] for clip in found]

    def scores(self, detector: Detector, pooling: Pooling) -> list[float]:
        """One score for each clip."""
        return [
            recording_score([_second(k, errors, pooling) for k, errors in enumerate(clip)])
            for clip in self.errors(detector)
        ]

    def pooling(self, detector: Detector, scale: Scale) -> Pooling:
        """Fit the detector's standardisation on these clips, which must be normal sound."""
        return fit_pooling([second for clip in self.errors(detector) for second in clip], scale)


def _second(number: int, errors: npt.NDArray[Any], pooling: Pooling) -> SecondScore:
    pooled = pooling.second(errors)
    # The p-value is not part of the clip's score.
    return SecondScore(number, pooled.score, 1.0, pooled.groups)


class LevelCache:
    """Cache of `ClipLevels`, so that many detectors share one run of the front end.

    Args:
        front_end: computes the levels.
    """

    def __init__(self, front_end: FrontEnd) -> None:
        self._front_end = front_end
        self._cached: dict[tuple[int, ...], tuple[Sequence[Samples], ClipLevels]] = {}

    def levels(self, clips: Sequence[Samples]) -> ClipLevels:
        """Levels of these clip objects, computed at the first call."""
        key = tuple(id(clip) for clip in clips)
        if key not in self._cached:
            # A reference to the clips keeps their identities from being reused.
            self._cached[key] = (clips, ClipLevels(clips, self._front_end))
        return self._cached[key][1]

    def scoring(self, detector: Detector, pooling: Pooling) -> Score:
        """Score function of a detector for the detection bench."""
        return lambda clips: self.levels(clips).scores(detector, pooling)
