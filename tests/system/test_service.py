"""The monitor as a service: ready with the first sound, a watchdog that is fed, a clean end on SIGTERM."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from anomaly.cli import run
from anomaly.store.store import DATABASE_NAME, Store
from lib.monitor.command_process import CommandProcess
from support.mqtt_broker import Broker, Listener
from support.waiting import wait_until

PATIENCE_S = 120.0


@pytest.fixture
def long_sound(pump_recordings: Path, tmp_path: Path) -> Path:
    """Twenty minutes of a healthy pump: longer than any timeout here."""
    files = sorted(pump_recordings.rglob("normal_*.wav"))
    pieces = [soundfile.read(file, dtype="float32")[0] for file in files]
    rate_hz = soundfile.info(files[0]).samplerate
    path = tmp_path / "pump.wav"
    soundfile.write(path, np.tile(np.concatenate(pieces), 50), rate_hz, subtype="PCM_16")
    return path


def wait_for_notification(manager: socket.socket, expected: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if expected in manager.recv(4096).decode():
            return
    pytest.fail(f"{expected} was not received")


def test_a_service_from_start_to_end(pump_bundle: Path, long_sound: Path, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(PATIENCE_S)
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANOMALY_")},
            "NOTIFY_SOCKET": str(tmp_path / "notify"),
            "WATCHDOG_USEC": "3000000",
            "ANOMALY_MODELS": str(pump_bundle.parent),
            "ANOMALY_STATE": str(tmp_path / "state"),
        }
        options = ["monitor", "--machine", "pump", "--source", str(long_sound), "--log-json"]
        service = subprocess.Popen(
            [sys.executable, "-m", "anomaly", *options],
            cwd=tmp_path,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            wait_for_notification(manager, "READY=1")
            wait_for_notification(manager, "WATCHDOG=1")
            wait_for_notification(manager, "WATCHDOG=1")
            service.send_signal(signal.SIGTERM)
            wait_for_notification(manager, "STOPPING=1")
            out, err = service.communicate(timeout=PATIENCE_S)
        finally:
            service.kill()
    assert service.returncode == 0, err
    assert out == ""
    lines = [json.loads(line) for line in err.splitlines()]
    assert [line["second"] for line in lines if line["event"] == "score"][:1] == [0]
    # A clean end leaves no log of the database behind, and every second that was judged.
    assert not (tmp_path / "state" / f"{DATABASE_NAME}-wal").exists()
    with Store.open(tmp_path / "state" / DATABASE_NAME, create=False) as store:
        assert not store.database.suspect
        seconds = [row.second for row in store.history.scores("pump")]
        assert seconds == list(range(len(seconds)))
        assert seconds


def test_metrics_and_log_from_the_command_line(
    pump_bundle: Path,
    pump_recordings: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    recording = next(pump_recordings.rglob("normal_00.wav"))
    options = ["monitor", "--machine", "pump", "--source", str(recording), "--no-realtime", "--jsonl"]
    options += ["--models", str(pump_bundle.parent), "--log-json", "--metrics", "127.0.0.1:0"]
    assert run(options) == 0
    output = capsys.readouterr()
    assert [json.loads(line)["second"] for line in output.out.splitlines()] == list(range(6))
    assert [json.loads(line)["event"] for line in output.err.splitlines()] == ["score"]
    for wrong in ("127.0.0.1", "nowhere:port"):
        assert run([*options[:-1], wrong]) == 2
        assert "must be an address and a port" in capsys.readouterr().err


def test_nobody_listens_after_the_end_and_the_broker_says_so(
    pump_bundle: Path,
    long_sound: Path,
    tmp_path: Path,
    broker: Broker,
    listener: Listener,
    start: Callable[..., CommandProcess],
) -> None:
    (tmp_path / "site.yaml").write_text(
        f"machines: {{pump: {{source: {long_sound}}}}}\nmodels_dir: {pump_bundle.parent}\n"
        f"sinks: {{mqtt: [{{name: house, host: 127.0.0.1, port: {broker.port}}}]}}\n"
    )

    def newest(topic: str) -> str:
        found = listener.on(f"anomaly/{topic}")
        return found[-1].text if found else ""

    def shown() -> tuple[str, str, str]:
        state = newest("pump/state")
        return (
            newest("status"),
            newest("pump/availability"),
            json.loads(state)["state"] if state else "",
        )

    for end in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
        monitor = start("anomaly monitor --config site.yaml --jsonl", tmp_path)
        wait_until(lambda: shown() == ("online", "online", "OK"), PATIENCE_S)
        os.kill(monitor.pid, end)
        # A will is one message; what reads a state reads the status too.
        left = ("offline", "online", "OK") if end is signal.SIGKILL else ("offline", "offline", "unknown")
        wait_until(lambda left=left: shown() == left, PATIENCE_S)  # type: ignore[misc]
