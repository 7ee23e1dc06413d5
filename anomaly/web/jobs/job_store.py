"""Jobs of a site, each with a folder of its own: begun, listed, cancelled. None is lost when the server ends."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import ValidationError

from anomaly.errors import ConfigError
from anomaly.store.database.file_lock import is_locked
from anomaly.web.errors import ApiError
from anomaly.web.jobs.job import CANCEL_NAME, JOB_NAME, LOCK_NAME, Job, JobKind
from anomaly.web.security.users import write_private

_KEPT, _MOST_RUNNING = 100, 4
# A runner takes its lock within seconds, also on a busy computer.
_STARTS_WITHIN_S = 30.0


class JobStore:
    """Jobs in a folder of the state folder.

    Args:
        folder: of all jobs.
        clock: UNIX seconds.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder, self._clock = folder, clock
        self._lock = threading.Lock()

    def begin(
        self, kind: JobKind, machine: str, command: Sequence[str], by: str, expected_s: float | None = None
    ) -> Job:
        """Begin a job; it goes on when the server ends.

        Raises:
            ApiError: too many jobs run, or the machine is recorded or trained already.
        """
        with self._lock:
            running = [job for job in self.jobs() if not job.is_over]
            if len(running) >= _MOST_RUNNING:
                raise ApiError(409, f"{_MOST_RUNNING} jobs run already", "wait, or cancel one")
            if any((job.kind, job.machine) == (kind, machine) for job in running):
                raise ApiError(409, f"such a job runs already for {machine}", "wait, or cancel it")
            if kind == "train" and any(job.kind == "train" for job in running):
                raise ApiError(409, "another machine is being trained", "wait, or cancel that job")
            job = Job(
                id=secrets.token_hex(8),
                kind=kind,
                machine=machine,
                command=list(command),
                by=by,
                created_s=self._clock(),
                expected_s=expected_s,
            )
            self._start(job)
            self._remove_old()
        return job

    def jobs(self) -> list[Job]:
        """Return all jobs, the newest first."""
        found = [job for path in self._folder.glob(f"*/{JOB_NAME}") if (job := self._read(path.parent))]
        return sorted(found, key=lambda job: -job.created_s)

    def find(self, job_id: str) -> Job:
        """Return a job as it is now.

        Raises:
            ApiError: there is none.
        """
        job = self._read(self._folder / job_id)
        if job is None:
            raise ApiError(404, "there is no such job")
        return job

    def cancel(self, job_id: str) -> Job:
        """Ask a job to end; it saves what it has."""
        job = self.find(job_id)
        if not job.is_over:
            (self._folder / job_id / CANCEL_NAME).touch()
        return job

    def _start(self, job: Job) -> None:
        folder = self._folder / job.id
        try:
            folder.mkdir(parents=True, mode=0o700)
        except OSError as error:
            raise ConfigError(f"cannot be made: {error.strerror}", where=folder) from error
        write_private(folder / JOB_NAME, job.model_dump_json().encode())
        # A session of its own: it ends neither with the server nor by the terminal's Ctrl-C.
        runner = subprocess.Popen(
            [sys.executable, "-m", "anomaly.web.jobs.runner", str(folder.absolute())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        # Collected when it has ended.
        threading.Thread(target=runner.wait, name=f"job {job.id}", daemon=True).start()

    def _read(self, folder: Path) -> Job | None:
        try:
            job = Job.model_validate_json((folder / JOB_NAME).read_bytes())
        except (OSError, ValidationError):
            return None
        young = job.state == "waiting" and self._clock() - job.created_s < _STARTS_WITHIN_S
        if job.is_over or young or is_locked(folder / LOCK_NAME):
            return job
        again = Job.model_validate_json((folder / JOB_NAME).read_bytes())
        if again.is_over:
            return again
        lost = {
            "state": "interrupted",
            "error": "the computer or the job was stopped",
            "hint": "begin it again",
        }
        return again.model_copy(update=lost)

    def _remove_old(self) -> None:
        over = [job for job in self.jobs() if job.is_over]
        for job in over[_KEPT:]:
            shutil.rmtree(self._folder / job.id, ignore_errors=True)
