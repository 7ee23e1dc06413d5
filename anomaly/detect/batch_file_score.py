"""Scores of many files on disk at a time, with the bits and words of `anomaly.detect.file_score.score_file`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from anomaly.audio.channels import Channel
from anomaly.audio.files.format_reference import FormatReference
from anomaly.audio.files.plain_wav import read_plain_wav
from anomaly.audio.files.recordings import ReadingReport
from anomaly.audio.sensor.health import Status as SensorStatus
from anomaly.audio.sensor.sensor_check import SensorCheck
from anomaly.detect.batch_scoring import RecordingLevels, score_recordings
from anomaly.detect.decision import Limit
from anomaly.detect.file_score import FileScore, conclude, score_file, sensor_status, stretches
from anomaly.detect.scoring import Scorer
from anomaly.errors import InputError
from anomaly.features.front_end import segment_levels
from anomaly.features.mel import SAMPLE_RATE_HZ

# Seconds whose levels wait for a batch.
_BATCH_S = 640


@dataclass(frozen=True, eq=False)
class _MeasuredFile:
    """File whose sound was read and measured; the sound itself is not kept."""

    path: Path
    seconds: float
    reading: ReadingReport
    levels: RecordingLevels | None
    status: list[SensorStatus]


@dataclass(frozen=True, eq=False)
class BatchScorer:
    """Scorer of files.

    Args:
        scorer: of a detector.
        limit: of the decision.
        sensor: judges the microphone.
        channel: the channel that is scored.
        formats: of the training recordings; None in older bundles.
    """

    scorer: Scorer
    limit: Limit
    sensor: SensorCheck
    channel: Channel = "mean"
    formats: FormatReference | None = None

    def score(self, paths: Iterable[Path]) -> Iterator[FileScore]:
        """Yield the score of each file, in order; whatever is wrong with one is said in its result."""
        waiting: list[_MeasuredFile | FileScore] = []
        seconds = 0.0
        for path in paths:
            measured = self._measured(path)
            waiting.append(measured)
            seconds += measured.seconds or 0.0
            if seconds >= _BATCH_S:
                yield from self._scored(waiting)
                waiting, seconds = [], 0.0
        yield from self._scored(waiting)

    def _measured(self, path: Path) -> _MeasuredFile | FileScore:
        """Return the levels of a short file, or the score of a long or unreadable one."""
        reading = ReadingReport()
        try:
            samples = read_plain_wav(path, reading, self.channel)
            if samples is None:
                pieces = stretches(path, self.scorer.front_end.reset_s, self.channel, reading)
                samples = next(pieces)
                if next(pieces, None) is not None:
                    return self._long(path)
        except InputError as error:
            return FileScore(path, "error", error=error.message)
        seconds, whole = len(samples) / SAMPLE_RATE_HZ, len(samples) // SAMPLE_RATE_HZ
        if not whole:
            return _MeasuredFile(path, seconds, reading, None, [])
        # Both at once, while the sound is in the cache.
        levels = RecordingLevels(segment_levels(samples, self.scorer.front_end), whole)
        self.sensor.reset()
        return _MeasuredFile(path, seconds, reading, levels, sensor_status(self.sensor, samples, whole))

    def _long(self, path: Path) -> FileScore:
        return score_file(
            path,
            self.scorer,
            self.limit,
            channel=self.channel,
            sensor=self.sensor,
            formats=self.formats,
        )

    def _scored(self, waiting: list[_MeasuredFile | FileScore]) -> Iterator[FileScore]:
        measured = [
            one.levels for one in waiting if isinstance(one, _MeasuredFile) and one.levels is not None
        ]
        scores = iter(score_recordings(self.scorer, measured))
        for one in waiting:
            if isinstance(one, FileScore):
                yield one
                continue
            yield conclude(
                one.path,
                one.seconds,
                [] if one.levels is None else next(scores),
                one.status,
                one.reading,
                self.limit,
                channel=self.channel,
                formats=self.formats,
            )
