"""Scores of many recordings at a time: their segments run side by side through detector and pooling.

A segment begins with a reset, and segments do not affect each other, so the scores are those of
`anomaly.detect.scoring.Scorer.recording`, to the last bit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from anomaly.detect.operating.states import OPERATING_BANDS, Spectrum, group_levels
from anomaly.detect.operating.tracker import OperatingTracker
from anomaly.detect.pooling import SecondLevels
from anomaly.detect.scoring import Scorer, SecondPipeline, SecondScore
from anomaly.features.front_end import frames_before
from anomaly.features.level_compensation import LevelCompensator
from anomaly.features.mel import Centibels

# Segments that run in one batch: enough to amortise a call, few enough for the cache.
_MOST_STREAMS = 64


@dataclass
class _Segment:
    """Segment of a recording: its levels, and where its seconds belong."""

    recording: int
    first_second: int
    levels: Centibels


@dataclass(frozen=True, eq=False)
class RecordingLevels:
    """Levels of a recording, which are far smaller than its sound.

    Args:
        segments: as `anomaly.features.front_end.segment_levels` returns them.
        seconds: whole seconds of it, at least one.
    """

    segments: Centibels
    seconds: int


def score_recordings(scorer: Scorer, recordings: Sequence[RecordingLevels]) -> list[list[SecondScore]]:
    """Score each whole second of recordings; each has the scores of `Scorer.recording`, bit by bit.

    Args:
        scorer: of a detector.
        recordings: to be scored side by side.
    """
    pooled: list[list[SecondLevels | None]] = [[None] * one.seconds for one in recordings]
    spectra = [np.empty((one.seconds, OPERATING_BANDS)) for one in recordings]
    for seconds, segments in _by_length(scorer, recordings).items():
        for start in range(0, len(segments), _MOST_STREAMS):
            batch = segments[start : start + _MOST_STREAMS]
            for second, (levels, bands) in enumerate(_seconds(scorer, batch, seconds)):
                for segment, one, spectrum in zip(batch, levels, bands, strict=True):
                    pooled[segment.recording][segment.first_second + second] = one
                    spectra[segment.recording][segment.first_second + second] = spectrum
    return [_scores(scorer, one, spectrum) for one, spectrum in zip(pooled, spectra, strict=True)]


def _by_length(scorer: Scorer, recordings: Sequence[RecordingLevels]) -> dict[int, list[_Segment]]:
    """Return the segments of all recordings by their whole seconds."""
    reset_s = scorer.front_end.reset_s
    found: dict[int, list[_Segment]] = defaultdict(list)
    for number, recording in enumerate(recordings):
        for index, levels in enumerate(recording.segments):
            length = min(reset_s, recording.seconds - index * reset_s)
            found[length].append(_Segment(number, index * reset_s, levels[: frames_before(length)]))
    return found


def _seconds(
    scorer: Scorer, batch: Sequence[_Segment], seconds: int
) -> Iterator[tuple[list[SecondLevels], Spectrum]]:
    """Yield pooled levels and spectra of each second of segments of one length."""
    levels = np.stack([segment.levels for segment in batch])
    pipeline = SecondPipeline(scorer.front_end, scorer.detector, len(batch))
    compensator = None if scorer.level is None else LevelCompensator(scorer.level, len(batch))
    for second in range(seconds):
        part = levels[:, frames_before(second) : frames_before(second + 1)]
        if compensator is not None:
            part = compensator.push(part)
        errors = pipeline.push(second, part)
        yield scorer.calibration.pooling.seconds(errors), group_levels(part)


def _scores(scorer: Scorer, pooled: Sequence[SecondLevels | None], spectra: Spectrum) -> list[SecondScore]:
    known = [one for one in pooled if one is not None]
    p_values = scorer.calibration.p_values([one.score for one in known])
    if scorer.states is None:
        return [
            SecondScore(second, one.score, p_value, one.groups)
            for second, (one, p_value) in enumerate(zip(known, p_values, strict=True))
        ]
    states = OperatingTracker(scorer.states).seconds(spectra)
    return [
        SecondScore(second, one.score, p_value, one.groups, state)
        for second, (one, p_value, state) in enumerate(zip(known, p_values, states, strict=True))
    ]
