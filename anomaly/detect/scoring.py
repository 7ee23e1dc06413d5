"""Scores per second, with the same bits for a whole recording, a stream in blocks of any size, and any process."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from anomaly.detect.calibration.calibration import Calibration
from anomaly.detect.detectors.detector import Detector
from anomaly.detect.operating.states import OperatingState, OperatingStates, group_levels, segment_spectra
from anomaly.detect.operating.tracker import OperatingResult, OperatingTracker
from anomaly.detect.pooling import Levels, SecondLevels, soft_maximum
from anomaly.errors import InputError
from anomaly.features.front_end import WARM_UP_FRAMES, FrontEnd, SecondStream, frames_before, segment_levels
from anomaly.features.level_compensation import LevelCompensator, compensate_segments
from anomaly.features.level_normaliser import LevelNormaliser
from anomaly.features.level_reference import Integers, LevelReference, mean_levels
from anomaly.features.mel import SAMPLE_RATE_HZ, Centibels, Samples

# Segments that run in one batch: enough to amortise a step, few enough to stay in the cache.
_MOST_STREAMS = 64
# Divides seconds' scores before the soft maximum, because scores of seconds scatter more than views of one second.
_SOFT_MAXIMUM_SCALE = 2.0
_NO_OPERATING_STATE = OperatingResult(OperatingState.UNKNOWN, True)


@dataclass(frozen=True)
class SecondScore:
    """Score of one second.

    Args:
        second: index since the start of the recording or stream.
        score: pooled error level, in standard deviations of normal sound.
        p_value: probability that normal sound scores at least this high.
        groups: error level per sub-band group, [groups].
        operating: operating state, and whether the decision uses the second.
        levels: mean level per band, hundredths of a decibel, [bands]; of a stream whose model has a level reference.
        errors: error levels of the detector, [frames, channels]; of a stream.
    """

    second: int
    score: float
    p_value: float
    groups: Levels
    operating: OperatingResult = _NO_OPERATING_STATE
    levels: Integers | None = None
    errors: npt.NDArray[Any] | None = None


class SecondPipeline:
    """Level normalisation and detector, second by second; shared by archive and live scoring."""

    def __init__(self, front_end: FrontEnd, detector: Detector, streams: int = 1) -> None:
        self._detector = detector
        self._normaliser = LevelNormaliser(streams) if front_end.level_normalise else None
        self._streams = streams

    def push(self, second: int, levels: Centibels) -> npt.NDArray[Any]:
        """Return the error levels of second ``second`` of a segment, [streams, frames, bands], without the warm-up."""
        if second == 0:
            self._detector.reset(self._streams)
            if self._normaliser is not None:
                self._normaliser.reset()
        if self._normaliser is not None:
            levels = self._normaliser.push(levels)
        errors = self._detector.push(levels)
        return errors[:, WARM_UP_FRAMES:] if second == 0 else errors


def recording_levels(samples: Samples, front_end: FrontEnd, level: LevelReference | None) -> Centibels:
    """Return the levels of a recording that are scored: `segment_levels`, with small gains compensated."""
    seconds = len(samples) // SAMPLE_RATE_HZ
    return compensate_segments(segment_levels(samples, front_end), seconds, front_end, level)


def recording_errors(samples: Samples, front_end: FrontEnd, detector: Detector) -> list[npt.NDArray[Any]]:
    """Return the error levels of each whole second of a recording, each [frames, channels]; gains are left alone."""
    seconds = len(samples) // SAMPLE_RATE_HZ
    return level_errors(segment_levels(samples, front_end), seconds, front_end, detector)


def level_errors(
    levels: Centibels, seconds: int, front_end: FrontEnd, detector: Detector
) -> list[npt.NDArray[Any]]:
    """Return the error levels of each whole second of `recording_levels`, each [frames, channels]."""
    whole, rest = divmod(seconds, front_end.reset_s)
    result: list[npt.NDArray[Any]] = []
    for start in range(0, whole, _MOST_STREAMS):
        part = levels[start : min(start + _MOST_STREAMS, whole)]
        result += _segment_errors(part, front_end.reset_s, front_end, detector)
    # A last, shorter segment runs alone: padding with silence would count as activity of the chip.
    return result + _segment_errors(levels[whole:], rest, front_end, detector)


def _segment_errors(
    levels: Centibels, seconds: int, front_end: FrontEnd, detector: Detector
) -> list[npt.NDArray[Any]]:
    """Return the error levels of each second of segments of one length, which run in one batch."""
    pipeline = SecondPipeline(front_end, detector, len(levels))
    by_second = [pipeline.push(k, levels[:, frames_before(k) : frames_before(k + 1)]) for k in range(seconds)]
    return [errors[stream] for stream in range(len(levels)) for errors in by_second]


class Scorer:
    """Scorer of recordings and streams: a detector with its calibration.

    Args:
        front_end: settings of the front end.
        detector: any detector of the registry.
        calibration: distribution of its scores on normal sound.
        states: operating states of the machine; None if training found none.
        level: level of the training sound, for which small gains are compensated; None leaves the level as it is.
    """

    def __init__(
        self,
        front_end: FrontEnd,
        detector: Detector,
        calibration: Calibration,
        states: OperatingStates | None = None,
        level: LevelReference | None = None,
    ) -> None:
        self.front_end = front_end
        self.detector = detector
        self.calibration = calibration
        self.states = states
        self.level = level

    def with_calibration(self, calibration: Calibration) -> Scorer:
        """Return the same scorer with another calibration."""
        return Scorer(self.front_end, self.detector, calibration, self.states, self.level)

    def recording(
        self, samples: Samples, *, where: object = None, tracker: OperatingTracker | None = None
    ) -> list[SecondScore]:
        """Score each whole second of a recording.

        Args:
            samples: [n], float32, 16 kHz.
            where: place to name in errors.
            tracker: operating tracker to continue, for the next part of a recording; default: a new one.

        Raises:
            InputError: it holds less than one second.
        """
        if len(samples) < SAMPLE_RATE_HZ:
            raise InputError(
                f"holds {len(samples) / SAMPLE_RATE_HZ:.2f} s of sound",
                where=where,
                hint="a score needs at least one second",
            )
        seconds = len(samples) // SAMPLE_RATE_HZ
        segments = recording_levels(samples, self.front_end, self.level)
        errors = level_errors(segments, seconds, self.front_end, self.detector)
        return self._follow([self._judge(k, e) for k, e in enumerate(errors)], segments, tracker)

    def levels(self, levels: Centibels, seconds: int) -> list[SecondScore]:
        """Score the `segment_levels` of a recording of so many whole seconds, to the same bits."""
        pipeline = SecondPipeline(self.front_end, self.detector.fresh())
        levels = compensate_segments(levels, seconds, self.front_end, self.level)
        scores: list[SecondScore] = []
        for second in range(seconds):
            segment, within = divmod(second, self.front_end.reset_s)
            part = levels[segment : segment + 1, frames_before(within) : frames_before(within + 1)]
            scores.append(self._judge(second, pipeline.push(within, part)[0]))
        return self._follow(scores, levels, None)

    def stream(self) -> StreamScorer:
        """Return a stream scorer with a state of its own, so that recordings may be scored meanwhile."""
        return StreamScorer(self)

    def _judge(self, second: int, errors: npt.NDArray[Any]) -> SecondScore:
        pooled: SecondLevels = self.calibration.pooling.second(errors)
        return SecondScore(second, pooled.score, self.calibration.p_value(pooled.score), pooled.groups)

    def _follow(
        self, scores: list[SecondScore], segments: Centibels, tracker: OperatingTracker | None
    ) -> list[SecondScore]:
        """Add the operating state to each second of a recording."""
        if self.states is None:
            return scores
        follow = OperatingTracker(self.states) if tracker is None else tracker
        spectra = segment_spectra(segments, len(scores), self.front_end)
        states = follow.seconds(spectra)
        return [replace(s, operating=state) for s, state in zip(scores, states, strict=True)]


class StreamScorer:
    """Scorer of a stream that arrives in blocks of any size.

    Args:
        scorer: source of calibration and detector; the stream has a detector state of its own.
    """

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self._seconds = SecondStream(scorer.front_end)
        self._pipeline = SecondPipeline(scorer.front_end, scorer.detector.fresh())
        self._compensator = None if scorer.level is None else LevelCompensator(scorer.level)
        self._tracker = OperatingTracker(scorer.states)
        self._count = 0

    def push(self, samples: Samples) -> list[SecondScore]:
        """Add samples [n], float32, 16 kHz; return a score for each second that they complete."""
        return [self._judge(second, levels) for second, levels in self._seconds.push(samples)]

    def _judge(self, second: int, levels: Centibels) -> SecondScore:
        if self._compensator is not None:
            if second == 0:
                self._compensator.reset()
            levels = self._compensator.push(levels[None])[0]
        errors = self._pipeline.push(second, levels[None])[0]
        score = self._scorer._judge(self._count, errors)
        self._count += 1
        mean = None if self._compensator is None else mean_levels(levels)
        operating = self._tracker.second(group_levels(levels))
        return replace(score, operating=operating, levels=mean, errors=errors)

    @property
    def at_reset(self) -> bool:
        """Return whether the next sample begins a new segment, where another model may take over."""
        return self._seconds.at_reset

    def reset(self) -> None:
        """Start a new segment at the next sample, after a gap; an incomplete second is dropped."""
        self._seconds.reset()
        self._tracker.reset()


def recording_score(scores: list[SecondScore]) -> float:
    """Return the soft maximum of the scores of a recording, in which a single knock is not averaged away."""
    return _SOFT_MAXIMUM_SCALE * soft_maximum(np.array([s.score / _SOFT_MAXIMUM_SCALE for s in scores]))
