"""Notification of systemd, over a socket as systemd opens it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from anomaly.monitor.telemetry.systemd import RECENT_S, SystemdNotifier


class Manager:
    """The other end of ``NOTIFY_SOCKET``."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)

    def received(self) -> list[str]:
        found = []
        while True:
            try:
                found.append(self._socket.recv(4096).decode().splitlines()[0])
            except BlockingIOError:
                return found

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(str(tmp_path / "notify"))
    yield made
    made.close()


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def notifier(tmp_path: Path, clock: Clock, **environ: str) -> SystemdNotifier:
    variables = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000000"} | environ
    return SystemdNotifier(variables, clock)


def test_ready_with_the_first_sound_and_stopping_at_the_end(tmp_path: Path, manager: Manager) -> None:
    service = notifier(tmp_path, Clock())
    service.feed()
    assert manager.received() == []
    service.sound_arrived()
    service.sound_arrived()
    assert manager.received() == ["READY=1"]
    service.stopping()
    assert manager.received() == ["STOPPING=1"]


def test_the_watchdog_is_fed_only_while_sound_arrives(tmp_path: Path, manager: Manager) -> None:
    clock = Clock()
    service = notifier(tmp_path, clock)
    service.sound_arrived()
    assert manager.received() == ["READY=1"]
    for _ in range(100):
        service.sound_arrived()
        service.feed()
        clock.now_s += 0.1
    # A third of the limit: once at the beginning, and not again before ten seconds have passed.
    assert manager.received() == ["WATCHDOG=1"]
    clock.now_s += 0.5
    service.sound_arrived()
    service.feed()
    assert manager.received() == ["WATCHDOG=1"]
    clock.now_s += RECENT_S + 1
    service.feed()
    assert manager.received() == []
    service.sound_arrived()
    service.feed()
    assert manager.received() == ["WATCHDOG=1"]


def test_the_watchdog_is_fed_while_a_microphone_is_looked_for(tmp_path: Path, manager: Manager) -> None:
    clock = Clock()
    service = notifier(tmp_path, clock)
    service.searching()
    assert manager.received() == ["READY=1"]
    fed = []
    for _ in range(100):
        service.searching()
        service.feed()
        fed += manager.received()
        clock.now_s += 2.0
    # Three times in the limit of thirty seconds, for two hundred.
    assert fed == ["WATCHDOG=1"] * 20
    clock.now_s += RECENT_S + 1
    service.feed()
    assert manager.received() == []


@pytest.mark.parametrize("environ", [{"WATCHDOG_USEC": ""}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_PID": "1"}])
def test_without_a_watchdog(tmp_path: Path, manager: Manager, environ: dict[str, str]) -> None:
    service = notifier(tmp_path, Clock(), **environ)
    service.sound_arrived()
    service.feed()
    assert manager.received() == ["READY=1"]


def test_the_watchdog_of_this_process(tmp_path: Path, manager: Manager) -> None:
    service = notifier(tmp_path, Clock(), WATCHDOG_PID=str(os.getpid()))
    service.sound_arrived()
    service.feed()
    assert manager.received() == ["READY=1", "WATCHDOG=1"]


def test_an_abstract_socket() -> None:
    name = f"anomaly-test-{os.getpid()}"
    manager = Manager(f"\0{name}")
    SystemdNotifier({"NOTIFY_SOCKET": f"@{name}"}, Clock()).sound_arrived()
    assert manager.received() == ["READY=1"]
    manager.close()


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": "/nowhere/at/all"}])
def test_without_a_service_manager(environ: dict[str, str]) -> None:
    service = SystemdNotifier(environ, Clock())
    service.sound_arrived()
    service.feed()
    service.status("x")
    service.stopping()
