from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from anomaly.audio.capture.worker_command import capture_command


def test_the_capture_process_comes_from_this_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    command, environment = capture_command("--list")
    assert command == [sys.executable, "-P", "-m", "anomaly.audio.capture.worker", "--list"]
    first, second = environment["PYTHONPATH"].split(os.pathsep)
    assert (Path(first) / "anomaly" / "audio" / "capture" / "worker.py").is_file()
    assert second == "/elsewhere"
