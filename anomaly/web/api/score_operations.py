"""Operations: score of a recording that is sent."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from pathlib import Path

import soundfile
from starlette.concurrency import run_in_threadpool

from anomaly.archive.rows import FileRow
from anomaly.archive.scoring_task import ScoringTask
from anomaly.audio.channels import parse_channel
from anomaly.bundle import find_bundle
from anomaly.detector_names import check_detector_name
from anomaly.errors import AnomalyError, ConfigError
from anomaly.web.api.operation import Call, Operation
from anomaly.web.api.schemas.job import RecordingScore, ScoreQuery
from anomaly.web.errors import ApiError
from anomaly.web.security.identity import Right
from anomaly.workspace import choose_machine

_TYPES = ("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave", "application/octet-stream")
_LONGEST_S = 1_800.0
# One after the other: the monitor beside the server needs the processor.
_SCORING = threading.Lock()


async def score(call: Call) -> RecordingScore:
    """Score a recording as `anomaly score` does, to the last bit."""
    address = call.request.client.host if call.request.client else ""
    wait_s = call.services.uploads.take(address)
    if wait_s:
        raise ApiError(429, "too many recordings from this address", retry_after_s=wait_s)
    media_type = call.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in _TYPES:
        raise ApiError(415, "the body is no WAV", "send Content-Type: audio/wav")
    task = await run_in_threadpool(_task, call)
    with tempfile.NamedTemporaryFile(prefix="anomaly-upload-", suffix=".wav") as file:

        async def store() -> None:
            async for part in call.request.stream():
                await run_in_threadpool(file.write, part)

        await asyncio.wait_for(store(), call.services.settings.limits.upload_s)
        file.flush()
        row = await run_in_threadpool(_scored, task, Path(file.name))
    return RecordingScore(**{**row.to_dict(), "path": "recording.wav"})


def _task(call: Call) -> ScoringTask:
    query, site = call.query, call.services.access.site
    try:
        folder = find_bundle(choose_machine(site.models_dir, site.bundle_of(query.machine)), site.models_dir)
        check_detector_name(query.detector)
    except ConfigError as error:
        raise ApiError(404, error.message, error.hint) from error
    except AnomalyError as error:
        raise ApiError(422, error.message, error.hint) from error
    channel = parse_channel(query.channel)
    return ScoringTask(
        folder, query.detector, query.false_alarms_per_day, channel, query.per_second, site.state_dir
    )


def _scored(task: ScoringTask, path: Path) -> FileRow:
    seconds = _length_s(path)
    if seconds is not None and seconds > _LONGEST_S:
        raise ApiError(
            413, f"the recording lasts {seconds:.0f} s", f"send at most {_LONGEST_S:.0f} s at once"
        )
    with _SCORING:
        return task(path)


def _length_s(path: Path) -> float | None:
    """Return the length of a recording by its header; None where the scoring will say what is wrong."""
    try:
        found = soundfile.info(path)
    except (soundfile.SoundFileError, RuntimeError):
        return None
    return float(found.frames / found.samplerate) if found.samplerate else None


SCORE_OPERATIONS = (
    Operation(
        "POST",
        "/score",
        "score",
        "Score a recording as `anomaly score` does",
        Right.OPERATE,
        score,
        RecordingScore,
        query=ScoreQuery,
        upload="audio/wav",
        refusals=(409, 415),
    ),
)
