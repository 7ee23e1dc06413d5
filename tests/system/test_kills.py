"""kill -9 at any moment: committed data stays, no case is lost or doubled, and the next monitor continues."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anomaly.store.store import DATABASE_NAME
from support.sound_card import SoundServer

pytestmark = pytest.mark.slow

KILLS = 4


@pytest.fixture
def workshop(pump_bundle: Path, tmp_path: Path) -> Path:
    """A folder with a small bundle, whose scores do not matter here."""
    shutil.copytree(pump_bundle.parent, tmp_path / "models")
    return tmp_path


def committed(folder: Path) -> tuple[set[tuple[Any, ...]], list[tuple[str, str, str]]]:
    """All scores and cases of a whole database; a copy is opened, because the next monitor repairs its own."""
    with tempfile.TemporaryDirectory() as elsewhere:
        for part in (folder / "state").glob(f"{DATABASE_NAME}*"):
            if part.name.removeprefix(DATABASE_NAME) in ("", "-wal"):
                shutil.copy(part, elsewhere)
        with closing(sqlite3.connect(Path(elsewhere) / DATABASE_NAME)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            rows = set(connection.execute("SELECT machine, time_s, second, score FROM scores"))
            return rows, list(connection.execute("SELECT id, kind, state FROM cases"))


def test_the_monitor_killed_at_random_moments(
    pulse_microphone: SoundServer,
    workshop: Path,
    pump_sounds: dict[str, np.ndarray],
    listen: Callable[..., Any],
) -> None:
    pulse_microphone.play(pump_sounds["failing"])
    rng, seen, reported = random.Random(9), set[tuple[Any, ...]](), set[str]()
    for _ in range(KILLS):
        monitor = listen()
        monitor.wait_for(lambda now=monitor: now.seconds)
        time.sleep(rng.uniform(0.0, 4.0))
        os.kill(monitor.pid, signal.SIGKILL)
        monitor.kill()
        rows, cases = committed(workshop)
        assert seen <= rows
        seen = rows
        reported |= {event["case"] for event in monitor.events("case.opened") if event["kind"] == "machine"}
        assert reported <= {case for case, _, _ in cases}
    monitor = listen()
    monitor.wait_for(lambda: monitor.seconds and monitor.seconds[-1]["state"] == "ALARM")
    monitor.wait_for(lambda: len(monitor.seconds) >= 6)
    assert monitor.stop() == 0
    rows, cases = committed(workshop)
    assert seen < rows
    assert [state for _, kind, state in cases if kind == "machine" and state != "closed"] == [
        "active-unacknowledged"
    ]


def test_the_capture_killed_at_random_moments(
    pulse_microphone: SoundServer,
    workshop: Path,
    pump_sounds: dict[str, np.ndarray],
    listen: Callable[..., Any],
) -> None:
    pulse_microphone.play(pump_sounds["healthy"])
    monitor = listen()
    for number in range(KILLS):
        monitor.wait_for(lambda number=number: len(monitor.events("device.opened")) > number)
        count = len(monitor.seconds)
        monitor.wait_for(lambda count=count: len(monitor.seconds) > count)
        (capture,) = monitor.capture_processes()
        capture.kill()
    monitor.wait_for(lambda: len(monitor.events("sensor.recovered")) >= 1, 60)
    monitor.wait_for(lambda: monitor.seconds[-1]["capture"] == "healthy", 60)
    assert monitor.stop() == 0
    states = [event["to"] for event in monitor.events("capture.state")]
    assert {"healthy", "lost", "recovering"} <= set(states)
    rows, cases = committed(workshop)
    assert len(rows) == len(monitor.seconds)
    assert {state for _, kind, state in cases if kind == "sensor"} == {"closed"}
