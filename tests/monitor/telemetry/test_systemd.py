"""What systemd is told, by a socket as systemd makes it."""

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

    def told(self) -> list[str]:
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
    given = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000000"} | environ
    return SystemdNotifier(given, clock)


def test_ready_with_the_first_sound_and_stopping_at_the_end(tmp_path: Path, manager: Manager) -> None:
    one = notifier(tmp_path, Clock())
    one.feed()
    assert manager.told() == []
    one.sound_arrived()
    one.sound_arrived()
    assert manager.told() == ["READY=1"]
    one.stopping()
    assert manager.told() == ["STOPPING=1"]


def test_the_watchdog_is_fed_while_sound_arrives_and_not_after(tmp_path: Path, manager: Manager) -> None:
    clock = Clock()
    one = notifier(tmp_path, clock)
    one.sound_arrived()
    assert manager.told() == ["READY=1"]
    for _ in range(100):
        one.sound_arrived()
        one.feed()
        clock.now_s += 0.1
    # A third of the limit: once at the beginning, and not again before ten seconds have passed.
    assert manager.told() == ["WATCHDOG=1"]
    clock.now_s += 0.5
    one.sound_arrived()
    one.feed()
    assert manager.told() == ["WATCHDOG=1"]
    clock.now_s += RECENT_S + 1
    one.feed()
    assert manager.told() == []
    one.sound_arrived()
    one.feed()
    assert manager.told() == ["WATCHDOG=1"]


def test_looking_for_a_microphone_is_work(tmp_path: Path, manager: Manager) -> None:
    clock = Clock()
    one = notifier(tmp_path, clock)
    one.searching()
    assert manager.told() == ["READY=1"]
    fed = []
    for _ in range(100):
        one.searching()
        one.feed()
        fed += manager.told()
        clock.now_s += 2.0
    # Three times in the limit of thirty seconds, for two hundred.
    assert fed == ["WATCHDOG=1"] * 20
    clock.now_s += RECENT_S + 1
    one.feed()
    assert manager.told() == []


@pytest.mark.parametrize("environ", [{"WATCHDOG_USEC": ""}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_PID": "1"}])
def test_without_a_watchdog(tmp_path: Path, manager: Manager, environ: dict[str, str]) -> None:
    one = notifier(tmp_path, Clock(), **environ)
    one.sound_arrived()
    one.feed()
    assert manager.told() == ["READY=1"]


def test_ours_by_number(tmp_path: Path, manager: Manager) -> None:
    one = notifier(tmp_path, Clock(), WATCHDOG_PID=str(os.getpid()))
    one.sound_arrived()
    one.feed()
    assert manager.told() == ["READY=1", "WATCHDOG=1"]


def test_an_abstract_socket() -> None:
    name = f"anomaly-test-{os.getpid()}"
    manager = Manager(f"\0{name}")
    SystemdNotifier({"NOTIFY_SOCKET": f"@{name}"}, Clock()).sound_arrived()
    assert manager.told() == ["READY=1"]
    manager.close()


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": "/nowhere/at/all"}])
def test_nobody_listens(environ: dict[str, str]) -> None:
    one = SystemdNotifier(environ, Clock())
    one.sound_arrived()
    one.feed()
    one.status("x")
    one.stopping()
