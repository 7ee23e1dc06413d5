"""The score of a recording on disk, of any length, with bounded memory.

Scores are a function of the samples since the last reset, and resets come every ``reset_s`` seconds of
the sample clock. So a file is read in stretches of whole segments, each scored in one go: the bits are those
of a stream, the speed that of segments side by side, and memory does not grow with the file's length.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from anomaly.audio.channels import Channel
from anomaly.audio.files.recordings import blocks
from anomaly.audio.sensor.health import check_second
from anomaly.detect.decision import Limit
from anomaly.detect.operating.tracker import OperatingTracker
from anomaly.detect.scoring import Scorer, SecondScore
from anomaly.detect.verdict import Verdict, judge
from anomaly.errors import InputError
from anomaly.features.mel import SAMPLE_RATE_HZ, Samples

Status: TypeAlias = Literal["ok", "too_short", "silent", "error"]

# 10 MB of samples: segments enough to run side by side, few enough for the cache (measured: 80 and 320 are slower).
_STRETCH_S = 160
# A dead microphone says nothing of the machine.
_DEAD = ("silent", "constant")


@dataclass(frozen=True)
class FileScore:
    """One file and what was found; what could not be found is None, and ``error`` says why.

    Args:
        path: the file.
        status: "ok", "too_short" (less than a second), "silent" (no second with sound in it) or "error".
        seconds: how long it lasts.
        scores: one for each whole second.
        verdict: of the whole.
        error: what is wrong, in words; None where it is "ok".
    """

    path: Path
    status: Status
    seconds: float | None = None
    scores: tuple[SecondScore, ...] = ()
    verdict: Verdict | None = None
    error: str | None = None


def score_file(path: Path, scorer: Scorer, limit: Limit, *, channel: Channel = "mean") -> FileScore:
    """Score one file; whatever is wrong with it is said in the result, not raised."""
    scores: list[SecondScore] = []
    sensor: list[str] = []
    samples, tracker = 0, OperatingTracker(scorer.states)
    try:
        for stretch in _stretches(path, scorer.front_end.reset_s, channel):
            first = samples // SAMPLE_RATE_HZ
            samples += len(stretch)
            if len(stretch) >= SAMPLE_RATE_HZ:
                judged = scorer.recording(stretch, where=path, tracker=tracker)
                scores += [replace(score, second=first + score.second) for score in judged]
                sensor += [_sensor_status(stretch, second) for second in range(len(judged))]
    except InputError as error:
        return FileScore(path, "error", error=error.message)
    seconds = samples / SAMPLE_RATE_HZ
    if not scores:
        words = f"lasts {seconds:.2f} s; a score needs at least one second"
        return FileScore(path, "too_short", seconds, error=words)
    if "ok" not in sensor:
        words = "holds no sound: the microphone was dead, or its channel is empty"
        return FileScore(path, "silent", seconds, error=words)
    return FileScore(path, "ok", seconds, tuple(scores), judge(scores, limit, sensor=sensor))


def _stretches(path: Path, reset_s: int, channel: Channel) -> Iterator[Samples]:
    """Samples in stretches that each begin with a reset."""
    segments = blocks(path, block_s=reset_s, channel=channel)
    while stretch := list(islice(segments, max(1, _STRETCH_S // reset_s))):
        yield np.concatenate(stretch)


def _sensor_status(samples: Samples, second: int) -> str:
    """Status of the sensor in one second: only a dead one is told apart from a working one here."""
    part = samples[second * SAMPLE_RATE_HZ : (second + 1) * SAMPLE_RATE_HZ]
    status = check_second(part).status
    return status if status in _DEAD else "ok"
