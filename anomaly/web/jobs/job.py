"""Job: one command that runs beside the server, and what is known of it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

JobKind = Literal["record", "train", "replay", "test-alert"]
JobState = Literal["waiting", "running", "done", "failed", "cancelled", "interrupted"]
OVER: frozenset[JobState] = frozenset({"done", "failed", "cancelled", "interrupted"})
JOB_NAME, LOCK_NAME, CANCEL_NAME, LOG_NAME = "job.json", "runner.lock", "cancel", "log.txt"


class Job(BaseModel):
    """State of a job, as its file holds it.

    Attributes:
        id: 16 hex digits, the name of its folder.
        kind: of work.
        machine: that it is about.
        command: arguments of `anomaly`.
        by: person who began it.
        created_s: UNIX seconds; so are the next two.
        progress: completed share of the stage.
        stage: of the work.
        message: newest line for people.
        expected_s: seconds that it takes, where that is known.
        levels: newest levels of a recording, dBFS, one for each second.
        seconds: seconds of sound so far, by the status of the microphone.
        result: JSON that the command printed.
        error: what went wrong, and what to do.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null")

    id: str
    kind: JobKind
    machine: str
    command: list[str]
    by: str
    created_s: float
    state: JobState = "waiting"
    begun_s: float | None = None
    ended_s: float | None = None
    exit_code: int | None = None
    progress: float | None = None
    stage: str | None = None
    message: str | None = None
    expected_s: float | None = None
    levels: list[float] = []
    seconds: dict[str, int] = {}
    result: dict[str, Any] | None = None
    error: str | None = None
    hint: str | None = None

    @property
    def is_over(self) -> bool:
        """Return whether nothing more happens to it."""
        return self.state in OVER
