"""Runner of one job: a process of its own, which outlives the server and writes down what becomes of the command.

python -m anomaly.web.jobs.runner FOLDER
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from anomaly.store.database.file_lock import FileLock
from anomaly.web.jobs.job import CANCEL_NAME, JOB_NAME, LOCK_NAME, LOG_NAME, Job
from anomaly.web.security.users import write_private

_POLL_S, _WRITE_EVERY_S = 0.1, 0.5
# After Ctrl-C a command saves what it has.
_CANCEL_S = 15.0
_STAGE = re.compile(r"^(?P<stage>[a-z][a-z ]{1,30}): (?P<share>\d{1,3}) %$")
# Shares of the stages of a training in its time, from its profiles.
_TRAINING = {
    "reading": (0.0, 0.03),
    "teaching": (0.03, 0.5),
    "distilling": (0.5, 0.85),
    "compiling": (0.85, 0.95),
}
_TRAINING_END = (0.95, 1.0)
_MOST_LEVELS, _LOG_BYTES = 120, 2**20
_BACKGROUND = frozenset({"train", "replay"})


class Runner:
    """Runs the command of a job.

    Args:
        folder: of the job.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._job = Job.model_validate_json((folder / JOB_NAME).read_bytes())
        self._lock = threading.Lock()
        self._facts: dict[str, Any] = {}
        self._errors: list[str] = []
        self._logged = 0

    def run(self) -> None:
        """Run the command to its end, and store its result."""
        self._write(state="running", begun_s=time.time())
        process = subprocess.Popen(
            [sys.executable, "-m", "anomaly", *self._job.command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            preexec_fn=_lower_priority if self._job.kind in _BACKGROUND else None,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        readers = [
            threading.Thread(target=self._read, args=(process.stdout, self._output)),
            threading.Thread(target=self._read, args=(process.stderr, self._words)),
        ]
        for reader in readers:
            reader.start()
        cancelled = self._wait(process)
        for reader in readers:
            reader.join()
        self._finish(process.returncode, cancelled=cancelled)

    def _wait(self, process: subprocess.Popen[str]) -> bool:
        """Wait for the end of the command; return whether it was cancelled."""
        cancelled_s, written_s = None, time.monotonic()
        while process.poll() is None:
            time.sleep(_POLL_S)
            now_s = time.monotonic()
            if cancelled_s is None and (self._folder / CANCEL_NAME).exists():
                cancelled_s = now_s
                process.send_signal(signal.SIGINT)
            elif cancelled_s is not None and now_s - cancelled_s > _CANCEL_S:
                process.kill()
            if now_s - written_s >= _WRITE_EVERY_S:
                written_s = now_s
                self._write()
        return cancelled_s is not None

    def _finish(self, code: int, *, cancelled: bool) -> None:
        if cancelled and code != 0:
            self._write(state="cancelled", ended_s=time.time(), exit_code=code)
        elif code == 0:
            self._write(state="done", ended_s=time.time(), exit_code=0, progress=1.0)
        else:
            error, hint = self._reason()
            self._write(state="failed", ended_s=time.time(), exit_code=code, error=error, hint=hint)

    def _reason(self) -> tuple[str, str | None]:
        """Return what the command says is wrong, and what to do."""
        places = [at for at, line in enumerate(self._errors) if line.startswith("error: ")]
        if not places:
            return (self._errors[-1] if self._errors else "the command ended without a word"), None
        follows = self._errors[places[-1] + 1 :]
        hint = follows[0].strip() if follows and follows[0].startswith("  ") else None
        return self._errors[places[-1]].removeprefix("error: "), hint

    def _read(self, stream: IO[str], take: Any) -> None:
        with stream:
            for line in stream:
                take(line.rstrip("\n"))

    def _output(self, line: str) -> None:
        """Take a line of stdout: a second of a recording, or the result."""
        with suppress(ValueError):
            value = json.loads(line)
            if not isinstance(value, dict):
                return
            if "second" in value and "level_dbfs" in value:
                self._second(value)
            else:
                with self._lock:
                    self._facts["result"] = value

    def _second(self, value: dict[str, Any]) -> None:
        with self._lock:
            levels = [*self._facts.get("levels", ()), float(value["level_dbfs"])]
            seconds = dict(self._facts.get("seconds", {}))
            seconds[str(value["status"])] = seconds.get(str(value["status"]), 0) + 1
            share = None
            if self._job.expected_s:
                share = min(1.0, sum(seconds.values()) / self._job.expected_s)
            self._facts |= {"levels": levels[-_MOST_LEVELS:], "seconds": seconds, "progress": share}

    def _words(self, line: str) -> None:
        """Take a line of stderr: the share of a stage, or words for people."""
        match = _STAGE.match(line)
        with self._lock:
            if match is not None:
                begin, end = _TRAINING.get(match["stage"], _TRAINING_END)
                share = min(100, int(match["share"])) / 100
                self._facts |= {"stage": match["stage"], "progress": begin + share * (end - begin)}
            elif line.strip():
                self._errors = [*self._errors[-50:], line]
                self._facts["message"] = line.strip()[:500]
        self._log(line)

    def _log(self, line: str) -> None:
        if self._logged < _LOG_BYTES:
            self._logged += len(line) + 1
            with (self._folder / LOG_NAME).open("a", encoding="utf-8") as file:
                file.write(line + "\n")

    def _write(self, **changes: Any) -> None:
        with self._lock:
            self._job = self._job.model_copy(update={**self._facts, **changes})
        write_private(self._folder / JOB_NAME, self._job.model_dump_json().encode())


def _lower_priority() -> None:
    os.nice(10)


def main() -> None:
    """Run the job of the folder that is named."""
    folder = Path(sys.argv[1])
    # A terminal's Ctrl-C is for the server.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lock = FileLock(folder / LOCK_NAME)
    if lock.acquire(wait=False):
        with lock:
            Runner(folder).run()


if __name__ == "__main__":
    main()
