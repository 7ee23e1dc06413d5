"""The score of a recording on disk, of any length, with bounded memory.

Scores are a function of the samples since the last reset, and resets come every ``reset_s`` seconds of
the sample clock. So a file is read in stretches of whole segments, each scored in one go: the bits are those
of a stream, the speed that of segments side by side, and memory does not grow with the file's length.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from anomaly.audio.channels import Channel
from anomaly.audio.files.format_reference import (
    FormatReference,
    dead_channels,
    describe,
    may_explain_score,
)
from anomaly.audio.files.recordings import ReadingReport, blocks
from anomaly.audio.sensor.faults import SENSOR_FAULTS
from anomaly.audio.sensor.health import Status as SensorStatus
from anomaly.audio.sensor.sensor_check import SensorCheck
from anomaly.detect.decision import Limit, State
from anomaly.detect.operating.tracker import OperatingTracker
from anomaly.detect.scoring import Scorer, SecondScore
from anomaly.detect.verdict import Verdict, judge
from anomaly.errors import InputError
from anomaly.features.mel import SAMPLE_RATE_HZ, Samples

Status: TypeAlias = Literal["ok", "truncated", "not-judged", "sensor", "format", "error"]

# 10 MB of samples: segments enough to run side by side, few enough for the cache (measured: 80 and 320 are slower).
_STRETCH_S = 160


@dataclass(frozen=True)
class FileScore:
    """Score of one file; what is not known is None, and ``error`` says why.

    Args:
        path: the file.
        status: "ok": judged; "truncated": judged as far as the file goes; "not-judged": no second could be judged,
            because it is too short or the machine stood still; "sensor": none could be judged, because the microphone
            was faulty; "format": judged, but another format than in training explains the state; "error": unreadable.
        seconds: length of the sound.
        scores: one for each whole second.
        verdict: of the whole; None where no second was judged.
        error: the reason for any other status than "ok", in words.
        sensor: the sensor fault in force for most seconds; "ok" if there was none, None where there is no second.
        format: differences from the formats of the training recordings, and channels without sound; None without any.
    """

    path: Path
    status: Status
    seconds: float | None = None
    scores: tuple[SecondScore, ...] = ()
    verdict: Verdict | None = None
    error: str | None = None
    sensor: str | None = None
    format: str | None = None


_NOT_RUNNING = "the machine stood still or changed its speed all the time"


def score_file(
    path: Path,
    scorer: Scorer,
    limit: Limit,
    *,
    channel: Channel = "mean",
    sensor: SensorCheck | None = None,
    formats: FormatReference | None = None,
) -> FileScore:
    """Score one file; whatever is wrong with it is said in the result, not raised.

    Args:
        path: the file.
        scorer: of a detector.
        limit: of the decision.
        channel: which channel to score.
        sensor: judges the microphone as the live monitor does; default: without knowledge of the training sound.
        formats: of the training recordings; None in older bundles, and where formats do not matter.
    """
    scores: list[SecondScore] = []
    status: list[SensorStatus] = []
    samples, tracker = 0, OperatingTracker(scorer.states)
    check = SensorCheck() if sensor is None else sensor
    check.reset()
    reading = ReadingReport()
    try:
        for stretch in stretches(path, scorer.front_end.reset_s, channel, reading):
            first = samples // SAMPLE_RATE_HZ
            samples += len(stretch)
            if len(stretch) >= SAMPLE_RATE_HZ:
                judged = scorer.recording(stretch, where=path, tracker=tracker)
                scores += [replace(score, second=first + score.second) for score in judged]
                status += sensor_status(check, stretch, len(judged))
    except InputError as error:
        return FileScore(path, "error", error=error.message)
    seconds = samples / SAMPLE_RATE_HZ
    return conclude(path, seconds, scores, status, reading, limit, channel=channel, formats=formats)


def conclude(
    path: Path,
    seconds: float,
    scores: Sequence[SecondScore],
    status: Sequence[SensorStatus],
    reading: ReadingReport,
    limit: Limit,
    *,
    channel: Channel = "mean",
    formats: FormatReference | None = None,
) -> FileScore:
    """Return the result of a file from its seconds.

    Args:
        path: the file.
        seconds: its length.
        scores: of each whole second.
        status: of the sensor in each of them.
        reading: facts of the reading.
        limit: of the decision.
        channel: which channel was scored.
        formats: of the training recordings; None in older bundles.
    """
    scored = _concluded(path, seconds, tuple(scores), list(status), limit)
    return _with_reading(scored, reading, channel, formats)


def _concluded(
    path: Path, seconds: float, scores: tuple[SecondScore, ...], status: list[SensorStatus], limit: Limit
) -> FileScore:
    """Judge the seconds of a file, if any can be."""
    if not scores:
        reason = f"lasts {seconds:.2f} s; a score needs at least one second"
        return FileScore(path, "not-judged", seconds, error=reason)
    if "ok" not in status:
        (worst, _), *_ = Counter(status).most_common(1)
        return FileScore(path, "sensor", seconds, scores, error=SENSOR_FAULTS[worst], sensor=worst)
    verdict = judge(scores, limit, sensor=status)
    if verdict.judged:
        return FileScore(path, "ok", seconds, scores, verdict, sensor=verdict.sensor)
    if verdict.sensor != "ok":
        reason = SENSOR_FAULTS[verdict.sensor]
        return FileScore(path, "sensor", seconds, scores, error=reason, sensor=verdict.sensor)
    quiet = all(score.operating.unlearned_stop is not None for score in scores)
    reason = SENSOR_FAULTS["unlearned-stop"] if quiet else _NOT_RUNNING
    return FileScore(path, "not-judged", seconds, scores, error=reason, sensor="ok")


def _with_reading(
    scored: FileScore, reading: ReadingReport, channel: Channel, formats: FormatReference | None
) -> FileScore:
    """Add what the reading found: a file that breaks off, and a format that explains the state."""
    dead = dead_channels(reading) if channel == "mean" else ()
    differences = (*(formats.differences(reading) if formats else ()), *dead)
    if not differences and reading.truncation is None:
        return scored
    scored = replace(scored, format=describe(differences))
    if scored.verdict is not None and scored.verdict.state is not State.OK and may_explain_score(differences):
        explained = [difference for difference in differences if difference.kind != "level"]
        reason = f"the format is another than in training, which may explain the score: {describe(explained)}"
        return replace(scored, status="format", error=_joined(reason, reading))
    if reading.truncation is None:
        return scored
    return replace(
        scored,
        status="truncated" if scored.status == "ok" else scored.status,
        error=_joined(scored.error, reading),
    )


def _joined(reason: str | None, reading: ReadingReport) -> str:
    """Join a reason and the truncation of the file, if there is one."""
    if reading.truncation is None:
        return reason or ""
    cut = f"{reading.truncation.problem}; {reading.samples / SAMPLE_RATE_HZ:.2f} s were used"
    return cut if reason is None else f"{reason}; {cut}"


def stretches(path: Path, reset_s: int, channel: Channel, reading: ReadingReport) -> Iterator[Samples]:
    """Samples in stretches that each begin with a reset."""
    segments = blocks(path, block_s=reset_s, channel=channel, truncated=True, report=reading)
    while stretch := list(islice(segments, max(1, _STRETCH_S // reset_s))):
        yield np.concatenate(stretch)


def sensor_status(check: SensorCheck, samples: Samples, seconds: int) -> list[SensorStatus]:
    """Return the status of the sensor in each second of a stretch."""
    return [health.status for health in check.seconds(samples[: seconds * SAMPLE_RATE_HZ])]
