"""Operations: jobs, which are commands that run beside the server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from anomaly.store.cases.case import iso_utc
from anomaly.web.api.operation import Call, Operation
from anomaly.web.api.schemas.job import JobEntry, JobList, NewJob
from anomaly.web.errors import ApiError
from anomaly.web.jobs.job import Job
from anomaly.web.live.messages import sent_event
from anomaly.web.security.identity import Right

_POLL_S, _KEEP_ALIVE_S = 0.5, 15.0


def begin(call: Call) -> JobEntry:
    """Begin a job."""
    body: NewJob = call.body
    if body.kind == "test-alert" and Right.OPERATE not in call.identity.rights:
        raise ApiError(403, "test alerts need the right 'act'")
    if body.kind != "test-alert" and Right.ADMINISTER not in call.identity.rights:
        raise ApiError(403, f"a job {body.kind!r} needs the right 'admin'", "ask an administrator")
    command, expected_s = job_command(call, body)
    return job_entry(
        call.services.jobs.begin(body.kind, body.machine, command, call.identity.name, expected_s)
    )


def jobs(call: Call) -> JobList:
    """Return all jobs."""
    return JobList([job_entry(job) for job in call.services.jobs.jobs()])


def job(call: Call) -> JobEntry:
    """Return one job."""
    return job_entry(call.services.jobs.find(call.path["job"]))


def cancel(call: Call) -> JobEntry:
    """Ask a job to end; it saves what it has."""
    return job_entry(call.services.jobs.cancel(call.path["job"]))


async def events(call: Call) -> Response:
    """Stream the progress of a job until it is over."""
    first = await run_in_threadpool(call.services.jobs.find, call.path["job"])

    async def stream() -> AsyncIterator[bytes]:
        sent, sent_s, found = None, time.monotonic(), first
        while True:
            if found != sent:
                sent, sent_s = found, time.monotonic()
                facts = job_entry(found).model_dump(mode="json")
                yield sent_event("job" if found.is_over else "progress", facts)
                if found.is_over:
                    return
            elif time.monotonic() - sent_s > _KEEP_ALIVE_S:
                sent_s = time.monotonic()
                yield b": alive\n\n"
            await asyncio.sleep(_POLL_S)
            found = await run_in_threadpool(call.services.jobs.find, found.id)

    return StreamingResponse(stream(), media_type="text/event-stream")


def job_command(call: Call, body: NewJob) -> tuple[list[str], float | None]:
    """Return the arguments of `anomaly` that a job runs, and the seconds that it takes if that is known.

    Raises:
        ApiError: something is missing.
    """
    access = call.services.access
    models, state = ["--models", str(access.site.models_dir)], ["--state", str(access.site.state_dir)]
    config = [] if access.file is None else ["--config", str(access.file)]
    machine = ["--machine", body.machine]
    if body.kind == "record":
        if body.device is None:
            raise ApiError(422, "device: a recording needs an input")
        what = ["--device", body.device, "--channel", body.channel, "--minutes", repr(body.seconds / 60)]
        return ["record", *machine, *what, "--data", str(access.recordings), "--jsonl"], body.seconds
    if body.kind == "train":
        bundle = access.site.bundle_of(body.machine)
        data = str(access.recordings / body.machine)
        command = ["train", "--machine", bundle, "--data", data, "--profile", body.profile, "--json"]
        return [*command, *models], None
    if body.kind == "replay":
        version = [] if body.version is None else ["--bundle", body.version]
        return ["replay", *machine, *version, "--json", *models, *state, *config], None
    if body.sink is None:
        raise ApiError(422, "sink: a test alert needs a sink")
    return ["alerts", "test", body.sink, *machine, "--json", *config], None


def job_entry(job: Job) -> JobEntry:
    """Return the facts of a job."""
    remaining_s = None
    if job.expected_s is not None and job.begun_s is not None and not job.is_over:
        remaining_s = round(max(0.0, job.expected_s * (1.0 - (job.progress or 0.0))), 1)
    return JobEntry(
        id=job.id,
        kind=job.kind,
        machine=job.machine,
        by=job.by,
        state=job.state,
        created=iso_utc(job.created_s),
        begun=None if job.begun_s is None else iso_utc(job.begun_s),
        ended=None if job.ended_s is None else iso_utc(job.ended_s),
        progress=job.progress,
        remaining_s=remaining_s,
        stage=job.stage,
        message=job.message,
        levels=job.levels,
        seconds=job.seconds,
        result=job.result,
        error=None if job.error is None else {"message": job.error, "hint": job.hint},
    )


JOB_OPERATIONS = (
    Operation("GET", "/jobs", "jobs", "Jobs, the newest first", Right.VIEW, jobs, JobList),
    Operation(
        "POST",
        "/jobs",
        "begin_job",
        "Begin a job",
        Right.OPERATE,
        begin,
        JobEntry,
        body=NewJob,
        refusals=(409,),
    ),
    Operation("GET", "/jobs/{job}", "job", "One job", Right.VIEW, job, JobEntry),
    Operation(
        "GET",
        "/jobs/{job}/events",
        "job_events",
        "Server-sent events `progress`, and `job` when it is over",
        Right.VIEW,
        events,
        "text/event-stream",
    ),
    Operation("POST", "/jobs/{job}/cancel", "cancel_job", "End a job", Right.ADMINISTER, cancel, JobEntry),
)
