"""Jobs are commands in processes of their own: they outlive the server, can be cancelled, and are never lost."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from anomaly.store.database.file_lock import FileLock
from anomaly.web.errors import ApiError
from anomaly.web.jobs.job import JOB_NAME, LOCK_NAME, Job
from anomaly.web.jobs.job_store import JobStore
from anomaly.web.jobs.runner import Runner
from support.waiting import wait_until


def job(folder: Path, **facts: object) -> Path:
    """Store a job as the server does, without its runner."""
    made = Job(
        id="0" * 16, kind="train", machine="pump", command=["--version"], by="anna", created_s=time.time()
    )
    (folder / made.id).mkdir(parents=True)
    text = made.model_copy(update=facts).model_dump_json()
    (folder / made.id / JOB_NAME).write_text(text)
    return folder / made.id


def test_a_job_runs_to_its_end_in_a_process_of_its_own(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    begun = store.begin("replay", "pump", ["config", "schema"], "anna")
    wait_until(lambda: store.find(begun.id).is_over, 60)
    # Another server finds it.
    found = JobStore(tmp_path).find(begun.id)
    assert (found.state, found.exit_code, found.by) == ("done", 0, "anna")


def test_a_failure_says_what_to_do(tmp_path: Path) -> None:
    folder = job(tmp_path, command=["verify", "nothing-here", "--models", str(tmp_path)])
    Runner(folder).run()
    found = JobStore(tmp_path).find(folder.name)
    assert (found.state, found.exit_code) == ("failed", 3)
    assert found.error is not None
    assert "nothing-here" in found.error


def test_the_progress_of_a_training_and_of_a_recording(tmp_path: Path) -> None:
    runner = Runner(job(tmp_path, expected_s=4.0))
    runner._words("teaching: 50 %")
    runner._words("distilling: 20 %")
    assert runner._facts["progress"] == pytest.approx(0.57)
    for second in range(2):
        runner._output(json.dumps({"second": second, "status": "ok", "level_dbfs": -30.0}))
    assert (runner._facts["progress"], runner._facts["seconds"]) == (0.5, {"ok": 2})
    runner._output(json.dumps({"machine": "pump", "warnings": []}))
    runner._write()
    assert JobStore(tmp_path).find("0" * 16).result == {"machine": "pump", "warnings": []}


def test_a_job_is_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(slow))
    folder = job(tmp_path / "jobs")
    JobStore(tmp_path / "jobs").cancel(folder.name)
    Runner(folder).run()
    assert JobStore(tmp_path / "jobs").find(folder.name).state == "cancelled"


def test_a_job_whose_runner_was_killed_is_marked(tmp_path: Path) -> None:
    folder = job(tmp_path, state="running")
    store = JobStore(tmp_path)
    with FileLock(folder / LOCK_NAME):
        assert store.find(folder.name).state == "running"
    found = store.find(folder.name)
    assert (found.state, found.hint) == ("interrupted", "begin it again")


def test_the_same_work_is_not_begun_twice(tmp_path: Path) -> None:
    job(tmp_path, state="waiting")
    store = JobStore(tmp_path)
    for machine in ("pump", "fan"):
        with pytest.raises(ApiError):
            store.begin("train", machine, ["--version"], "anna")
    with pytest.raises(ApiError, match="no such job"):
        store.find("f" * 16)
