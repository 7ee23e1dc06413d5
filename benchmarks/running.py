"""A command that runs while its lines are read as they come: for the monitor's benchmarks, and for tests of it."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil


class Running:
    """A command as a process of its own.

    Args:
        words: program and arguments.
        cwd: its folder.
        environment: its variables, all of them.

    Attributes:
        begun_s: the UNIX second at which it was started.
        lines: what it printed on stdout.
        records: those lines that are JSON objects, each with ``heard_s``, the UNIX second at which it was read.
    """

    def __init__(self, words: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> None:
        self.begun_s = time.time()
        self.lines: list[str] = []
        self.records: list[dict[str, Any]] = []
        self._said: list[str] = []
        self._process = subprocess.Popen(
            list(words),
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        readers = (self._read, lambda: self._said.extend(self._process.stderr or []))
        self._readers = [threading.Thread(target=read, daemon=True) for read in readers]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._process.pid

    @property
    def errors(self) -> str:
        """What it printed on stderr."""
        return "".join(self._said)

    @property
    def seconds(self) -> list[dict[str, Any]]:
        """Its records of seconds."""
        return [record for record in list(self.records) if "event" not in record]

    def events(self, *names: str) -> list[dict[str, Any]]:
        """Its records of some kinds of event."""
        return [record for record in list(self.records) if record.get("event") in names]

    def captures(self) -> list[psutil.Process]:
        """Its capture processes that live."""
        found = []
        for child in psutil.Process(self.pid).children(recursive=True):
            # One that has ended, reaped or not, has no command line.
            with suppress(psutil.NoSuchProcess):
                if "anomaly.audio.capture.worker" in child.cmdline():
                    found.append(child)
        return found

    def wait_for(self, condition: Callable[[], Any], timeout_s: float = 30.0) -> Any:
        """Wait until something holds, and return it.

        Raises:
            TimeoutError: it does not come about in time, or the command has ended without it.
        """
        end_s = time.monotonic() + timeout_s
        while not (found := condition()):
            ended = self._process.poll() is not None
            if ended or time.monotonic() > end_s:
                why = "it ended" if ended else "not in time"
                raise TimeoutError(f"{why}; {self.lines[-5:]} {self.errors}")
            time.sleep(0.01)
        return found

    def stop(self, number: signal.Signals = signal.SIGTERM, timeout_s: float = 60.0) -> int:
        """Send a signal where it still runs, collect all that it said, and return its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(number)
        code = self._process.wait(timeout_s)
        for reader in self._readers:
            reader.join(10)
        return code

    def kill(self) -> None:
        """End it at once, if it has not ended, and close what it was read by."""
        self.stop(signal.SIGKILL)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def _read(self) -> None:
        for line in self._process.stdout or []:
            # What a kill has cut off is no record.
            if line.startswith("{") and line.endswith("\n"):
                self.records.append({**json.loads(line), "heard_s": time.time()})
            self.lines.append(line)
