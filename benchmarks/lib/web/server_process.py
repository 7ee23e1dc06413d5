"""Server of the dashboard as a process, and what it uses."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from lib.monitor.monitor_process import environment


@dataclass
class ServerProcess:
    """A server: its address and its process."""

    url: str
    process: psutil.Process

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, _, port = self.url.removeprefix("http://").rpartition(":")
        return host, int(port)


@contextmanager
def running_server(folder: Path, words: list[str] | None = None) -> Iterator[ServerProcess]:
    """Run `anomaly serve` in a folder."""
    command = [sys.executable, "-m", "anomaly", "serve", "--port", "0", *(words or [])]
    process = subprocess.Popen(command, cwd=folder, env=environment(), stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        if not line.startswith("dashboard: "):
            raise RuntimeError(f"the server did not start: {line}")
        yield ServerProcess(line.split()[1], psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait(30)
        process.stderr.close()


class Usage:
    """Processor and memory of a process while the block runs."""

    def __init__(self, process: psutil.Process) -> None:
        self._process, self._over = process, threading.Event()
        self.peak_mib = self.cores = 0.0

    def __enter__(self) -> Usage:
        self._begun = (sum(self._process.cpu_times()[:2]), time.monotonic())
        self._thread = threading.Thread(target=self._measure)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        spent_s = sum(self._process.cpu_times()[:2]) - self._begun[0]
        self.cores = spent_s / (time.monotonic() - self._begun[1])

    def _measure(self) -> None:
        while not self._over.wait(0.2):
            self.peak_mib = max(self.peak_mib, self._process.memory_info().rss / 2**20)
