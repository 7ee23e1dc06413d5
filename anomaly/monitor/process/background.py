"""Background worker for clip writing, retention and model loading, so that the sound never waits for them."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from anomaly.errors import AnomalyError

Job = Callable[[], None]

_LOG = logging.getLogger(__name__)


@dataclass
class _RegularJob:
    job: Job
    every_s: float
    due_s: float


class BackgroundWorker:
    """Worker thread that runs jobs one after the other; use it as a context manager.

    A job that fails is logged, and the others go on.

    Args:
        max_waiting: number of waiting jobs from which further ones are refused.
    """

    def __init__(self, max_waiting: int = 32) -> None:
        self._max_waiting = max_waiting
        self._changed = threading.Condition()
        self._jobs: deque[Job] = deque()
        self._regular: list[_RegularJob] = []
        self._ending = False
        self._busy = False
        self._thread = threading.Thread(target=self._run, name="background", daemon=True)

    def submit(self, job: Job) -> bool:
        """Queue a job; return false if too many wait already."""
        with self._changed:
            if self._ending or len(self._jobs) >= self._max_waiting:
                return False
            self._jobs.append(job)
            self._changed.notify_all()
        return True

    def every(self, seconds: float, job: Job, *, after_s: float | None = None) -> None:
        """Run a job at intervals, the first time after ``after_s``, by default a whole interval."""
        with self._changed:
            first = seconds if after_s is None else after_s
            self._regular.append(_RegularJob(job, seconds, time.monotonic() + first))
            self._changed.notify_all()

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until no submitted job waits or runs; return whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._jobs and not self._busy, timeout_s)

    def __enter__(self) -> BackgroundWorker:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self, timeout_s: float = 10.0) -> None:
        """Finish the submitted jobs, then end; a job that takes longer than the timeout dies with the process."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while (job := self._next()) is not None:
            _attempt(job)
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _next(self) -> Job | None:
        """Wait for the next job and return it; None at the end."""
        with self._changed:
            while True:
                now = time.monotonic()
                if self._jobs:
                    self._busy = True
                    return self._jobs.popleft()
                if self._ending:
                    return None
                due = min(self._regular, key=lambda regular: regular.due_s, default=None)
                if due is not None and due.due_s <= now:
                    due.due_s = now + due.every_s
                    self._busy = True
                    return due.job
                self._changed.wait(None if due is None else due.due_s - now)


def _attempt(job: Job) -> None:
    try:
        job()
    except AnomalyError as error:
        _LOG.warning("%s", error)
    except Exception:
        _LOG.exception("a background job failed; the monitor continues")
