"""A command as a subprocess whose output lines are read as they are printed."""

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


class CommandProcess:
    """A running command of this project, its records and its errors.

    Args:
        words: program and arguments.
        cwd: its working directory.
        environment: all of its environment variables.

    Attributes:
        started_s: UNIX time at which it was started.
        lines: lines printed on stdout so far.
        records: those lines that are JSON objects, each with ``received_s``, the UNIX time at which it was read.
    """

    def __init__(self, words: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> None:
        self.started_s = time.time()
        self.lines: list[str] = []
        self.records: list[dict[str, Any]] = []
        self._error_lines: list[str] = []
        self._process = subprocess.Popen(
            list(words),
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        readers = (self._read, lambda: self._error_lines.extend(self._process.stderr or []))
        self._readers = [threading.Thread(target=read, daemon=True) for read in readers]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        """Process number."""
        return self._process.pid

    @property
    def errors(self) -> str:
        """Text printed on stderr so far."""
        return "".join(self._error_lines)

    @property
    def seconds(self) -> list[dict[str, Any]]:
        """Records of scored seconds."""
        return [record for record in list(self.records) if "event" not in record]

    def events(self, *names: str) -> list[dict[str, Any]]:
        """Event records with one of these names."""
        return [record for record in list(self.records) if record.get("event") in names]

    def capture_processes(self) -> list[psutil.Process]:
        """Live capture processes that it has started."""
        found = []
        for child in psutil.Process(self.pid).children(recursive=True):
            # A process that has ended has no command line, whether or not it was reaped.
            with suppress(psutil.NoSuchProcess):
                if "anomaly.audio.capture.worker" in child.cmdline():
                    found.append(child)
        return found

    def wait_for(self, condition: Callable[[], Any], timeout_s: float = 30.0) -> Any:
        """Wait until a condition is true and return its value.

        Raises:
            TimeoutError: the condition was not true in time, or the command has ended before.
        """
        end_s = time.monotonic() + timeout_s
        while not (found := condition()):
            ended = self._process.poll() is not None
            if ended or time.monotonic() > end_s:
                why = "the command has ended" if ended else f"not in {timeout_s:g} s"
                raise TimeoutError(f"{why}; {self.lines[-5:]} {self.errors}")
            time.sleep(0.01)
        return found

    def stop(self, number: signal.Signals = signal.SIGTERM, timeout_s: float = 60.0) -> int:
        """Send a signal if it is still running, collect its remaining output and return its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(number)
        code = self._process.wait(timeout_s)
        for reader in self._readers:
            reader.join(10)
        return code

    def kill(self) -> None:
        """Kill it if it is still running, and close its pipes."""
        self.stop(signal.SIGKILL)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def _read(self) -> None:
        for line in self._process.stdout or []:
            # A line that was cut off by a kill is not a record.
            if line.startswith("{") and line.endswith("\n"):
                self.records.append({**json.loads(line), "received_s": time.time()})
            self.lines.append(line)
