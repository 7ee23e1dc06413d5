"""Monitor whose disk becomes full: the alarm is delivered, nothing says OK, and the disk gets all once it has room."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from anomaly.alerts.webhook_receiver import WebhookReceiver
from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.simulator import simulate
from anomaly.store.database import memory_database
from anomaly.store.store import DATABASE_NAME, Store
from lib.monitor.command_process import CommandProcess
from support.small_disk import SmallDisk, small_disk
from support.waiting import wait_until

__all__ = ["small_disk"]

pytestmark = pytest.mark.slow

DISK_KIB = 2048
HEALTHY_S, PATIENCE_S = 15, 120.0
Finish = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebhookReceiver]:
    monkeypatch.setenv("HOOK_SECRET", "s3cret")
    with WebhookReceiver(secret=b"s3cret") as opened:
        yield opened


@pytest.fixture
def disk(small_disk: Callable[[int], SmallDisk]) -> SmallDisk:
    return small_disk(DISK_KIB)


@pytest.fixture
def workshop(
    pump_bundle: Path,
    pump_recordings: Path,
    tmp_path: Path,
    disk: SmallDisk,
    receiver: WebhookReceiver,
) -> Iterator[Path]:
    """Folder with a bundle, a site whose state lies on the small disk, and sound that fails after some seconds."""
    shutil.copytree(pump_bundle.parent, tmp_path / "models")
    (tmp_path / "site.yaml").write_text(
        f"state_dir: {disk.path / 'state'}\nmachines: {{pump: {{device: none}}}}\n"
        f"sinks: {{webhook: [{{name: plant, url: '{receiver.url}', secret_env: HOOK_SECRET, allow_private: true}}]}}\n"
    )
    failing = np.tile(simulate("pump", seconds=30, seed=22, fault="outer_race", severity=1.0).samples, 10)
    normal = [
        soundfile.read(file, dtype="float32")[0] for file in sorted(pump_recordings.rglob("normal_*.wav"))
    ]
    healthy = np.concatenate(normal)[: HEALTHY_S * SAMPLE_RATE_HZ]
    for name, sound in {"sound": np.concatenate([healthy, failing]), "failing": failing}.items():
        soundfile.write(tmp_path / f"{name}.wav", sound, SAMPLE_RATE_HZ, subtype="PCM_16")
    yield tmp_path
    for left in memory_database.abandoned(disk.path / "state" / DATABASE_NAME):
        memory_database.remove(left)


def output(finish: Finish, line: str, folder: Path) -> Any:
    done = finish(line, folder)
    return json.loads(done.stdout)


def opened(receiver: WebhookReceiver) -> list[str]:
    """Cases whose opening was received, once for each key."""
    return [message["case"]["id"] for message in receiver.messages if message["event"] == "case.opened"]


def monitor_on(start: Callable[..., CommandProcess], folder: Path, sound: str) -> CommandProcess:
    return start(f"anomaly monitor --machine pump --source {sound} --jsonl", folder)


def test_an_alarm_while_the_disk_is_full(
    workshop: Path,
    disk: SmallDisk,
    receiver: WebhookReceiver,
    start: Callable[..., CommandProcess],
    finish: Finish,
) -> None:
    monitor = monitor_on(start, workshop, "sound.wav")
    monitor.wait_for(lambda: monitor.seconds)
    wait_until(lambda: output(finish, "anomaly status --json", workshop)["machines"][0]["state"] == "OK")
    assert not monitor.events("case.opened")
    disk.fill()
    monitor.wait_for(lambda: monitor.events("case.opened"), PATIENCE_S)
    wait_until(lambda: opened(receiver), PATIENCE_S)
    (case,) = opened(receiver)
    monitor.wait_for(lambda: monitor.events("store.failed"), PATIENCE_S)
    assert "is full" in monitor.errors
    disk.fill()  # again: the log of the database was removed, which it does not need any more
    shows_the_alarm(finish, workshop, case)

    os.kill(monitor.pid, signal.SIGKILL)
    monitor.kill()
    killed_s = time.time()
    (nobody,) = output(finish, "anomaly status --json", workshop)["machines"]
    assert nobody["state"] is None
    monitor = monitor_on(start, workshop, "failing.wav")
    monitor.wait_for(lambda: monitor.seconds and monitor.seconds[-1]["state"] == "ALARM", PATIENCE_S)
    shows_the_alarm(finish, workshop, case)

    disk.free()
    assert monitor.stop() == 0
    assert opened(receiver) == [case]
    with Store.open(disk.path / "state" / DATABASE_NAME) as store:
        (found,) = store.cases.select()
        assert found.id == case
        assert store.outbox.pending_count(["plant"]) == 0
        assert store.history.events(name="store.failed")[0].detail["cause"] == "full"
        before = [row.state for row in store.history.scores("pump", until_s=killed_s)]
        assert len(before) > HEALTHY_S
        assert before[-1] == "ALARM"


def shows_the_alarm(finish: Finish, folder: Path, case: str) -> None:
    """Check that each command tells of the alarm that only the monitor's memory holds, and of the disk."""

    def status() -> Any:
        return output(finish, "anomaly status --json", folder)

    wait_until(lambda: status()["database"]["in_memory"], PATIENCE_S)
    found = status()
    assert (found["machines"][0]["state"], found["machines"][0]["cases"]) == ("ALARM", [case])
    assert found["disk"]["fault"]["cause"] == "full"
    assert "is full" in found["database"]["fault"]
    listed = finish("anomaly cases list --json", folder)
    assert [one["id"] for one in json.loads(listed.stdout)] == [case]
    assert "read from the memory of the running monitor: the disk of" in listed.stderr
    checks = {check["check"]: check for check in output(finish, "anomaly doctor --json", folder)["checks"]}
    assert "is full" in checks["site.memory"]["words"]
    assert "make room" in checks["site.memory"]["remedy"]
