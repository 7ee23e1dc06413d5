"""Operations: the model of a machine and its versions."""

from __future__ import annotations

import asyncio

from starlette.concurrency import run_in_threadpool

from anomaly.bundle import versions
from anomaly.errors import AnomalyError, UsageError
from anomaly.web.api.job_operations import job_command
from anomaly.web.api.machine_operations import known_machine
from anomaly.web.api.operation import Call, Operation
from anomaly.web.api.schemas.job import ModelEntry, NewJob, ReplayAnswer, VersionBody
from anomaly.web.errors import ApiError
from anomaly.web.model_view import model_entry
from anomaly.web.security.identity import Right

_WAIT_S, _POLL_S = 60.0, 0.2


def model(call: Call) -> ModelEntry:
    """Return the model of a machine."""
    name = known_machine(call)
    try:
        return model_entry(call.services.access.site, name)
    except AnomalyError as error:
        raise ApiError(404, f"{name} has no model: {error.message}", error.hint) from error


def activate(call: Call) -> ModelEntry:
    """Put a version into use; a running monitor takes it over within seconds."""
    name, site = known_machine(call), call.services.access.site
    if call.body.version is None:
        raise ApiError(422, "version: name the version to put into use")
    versions.activate(site.models_dir, site.bundle_of(name), call.body.version)
    return model(call)


def rollback(call: Call) -> ModelEntry:
    """Put the previous version into use."""
    name, site = known_machine(call), call.services.access.site
    try:
        versions.rollback(site.models_dir, site.bundle_of(name))
    except UsageError as error:
        raise ApiError(409, error.message, error.hint) from error
    return model(call)


async def replay(call: Call) -> ReplayAnswer:
    """Try a version on the stored sound of the last week."""
    name = await run_in_threadpool(known_machine, call)
    body = NewJob(kind="replay", machine=name, version=call.body.version)
    command, _ = await run_in_threadpool(job_command, call, body)
    jobs = call.services.jobs
    job = await run_in_threadpool(jobs.begin, "replay", name, command, call.identity.name)
    waited_s = 0.0
    while not job.is_over and waited_s < _WAIT_S:
        await asyncio.sleep(_POLL_S)
        waited_s += _POLL_S
        job = await run_in_threadpool(jobs.find, job.id)
    if job.is_over and job.state != "done":
        raise ApiError(409, job.error or "the replay was ended", job.hint)
    return ReplayAnswer(job=job.id, done=job.is_over, figures=job.result or {})


_PATH = "/machines/{machine}/model"
MODEL_OPERATIONS = (
    Operation("GET", _PATH, "model", "Model of a machine", Right.VIEW, model, ModelEntry),
    Operation(
        "POST",
        f"{_PATH}/activate",
        "activate_model",
        "Put a version into use",
        Right.ADMINISTER,
        activate,
        ModelEntry,
        body=VersionBody,
        refusals=(409,),
    ),
    Operation(
        "POST",
        f"{_PATH}/rollback",
        "roll_back_model",
        "Put the previous version into use",
        Right.ADMINISTER,
        rollback,
        ModelEntry,
        refusals=(409,),
    ),
    Operation(
        "POST",
        f"{_PATH}/replay",
        "replay_model",
        "Try a version on stored sound",
        Right.OPERATE,
        replay,
        ReplayAnswer,
        body=VersionBody,
        refusals=(409,),
    ),
)
