"""Keeper of the machines that were activated in the browser: it runs a monitor for each that no other watches.

A monitor of the whole site takes such a machine over at its next start: the keeper's monitors end with the server.
"""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from anomaly.audio.capture.child_process import set_parent_death_signal
from anomaly.errors import AnomalyError
from anomaly.web.security.users import write_private
from anomaly.web.settings import WebSettings
from anomaly.web.site_access import SiteAccess

ACTIVATED_NAME = "activated.json"
_CHECK_EVERY_S, _LONGEST_WAIT_S, _END_S = 2.0, 60.0, 15.0
_LOG = logging.getLogger(__name__)


@dataclass
class _Kept:
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    next_s: float = 0.0


class MonitorKeeper:
    """Starts monitors, and again those that end.

    Args:
        settings: folders that the command line names.
        access: site.
    """

    def __init__(self, settings: WebSettings, access: SiteAccess) -> None:
        self._settings, self._access = settings, access
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="monitors", daemon=True)

    @property
    def _file(self) -> Path:
        return self._access.web_folder / ACTIVATED_NAME

    def start(self) -> None:
        """Begin to keep monitors running."""
        self._thread.start()

    def stop(self) -> None:
        """End the monitors; they store what waits."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        running = [kept.process for kept in self._kept.values() if kept.process is not None]
        for process in running:
            with suppress(OSError):
                process.send_signal(signal.SIGTERM)
        for process in running:
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()

    def activate(self, machine: str) -> None:
        """Keep a machine monitored from now on.

        Raises:
            ConfigError: that cannot be stored.
        """
        with self._lock:
            names = sorted({*self.activated(), machine})
            write_private(self._file, json.dumps(names).encode())
            if machine in self._kept:
                self._kept[machine].next_s = 0.0

    def activated(self) -> list[str]:
        """Return the machines that were activated."""
        try:
            names = json.loads(self._file.read_bytes())
        except (OSError, ValueError):
            return []
        return [str(name) for name in names] if isinstance(names, list) else []

    def _run(self) -> None:
        # The children end with this thread, should the server be killed.
        while not self._stopping.wait(_CHECK_EVERY_S):
            try:
                known = self._access.site.machines
                for machine in self.activated():
                    if machine in known:
                        self._check(machine, self._kept.setdefault(machine, _Kept()))
            except AnomalyError as error:
                _LOG.warning("machines that were activated wait: %s", error)

    def _check(self, machine: str, kept: _Kept) -> None:
        now_s = time.monotonic()
        if kept.process is not None and kept.process.poll() is not None:
            kept.failures += 1
            wait_s = min(_LONGEST_WAIT_S, 2.0**kept.failures)
            _LOG.warning("the monitor of %s has ended with %s", machine, kept.process.returncode)
            kept.process, kept.next_s = None, now_s + wait_s
        if kept.process is None and now_s >= kept.next_s and not self._access.is_monitored(machine):
            kept.process = self._started(machine)

    def _started(self, machine: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "anomaly", "monitor", "--machine", machine, "--log-json"]
        places = {
            "--config": self._access.file,
            "--models": self._settings.models,
            "--state": self._settings.state,
        }
        for option, path in places.items():
            command += [option, str(path)] if path is not None else []
        log = (self._access.web_folder / f"monitor-{machine}.log").open("ab")
        with log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                preexec_fn=set_parent_death_signal(),
            )
