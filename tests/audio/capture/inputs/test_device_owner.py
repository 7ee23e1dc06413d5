"""Owner of a busy device."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from anomaly.audio.capture.inputs.device_owner import device_owner


def test_alsa_names_the_owner(tmp_path: Path) -> None:
    found = device_owner(f"state: RUNNING\nowner_pid   : {os.getpid()}\n", tmp_path)
    assert found is not None
    assert found[0] == os.getpid()


def test_a_closed_device_has_no_owner(tmp_path: Path) -> None:
    assert device_owner("closed\n", tmp_path / "node") is None


def test_without_a_status_the_process_with_the_open_file_is_named(tmp_path: Path) -> None:
    node = tmp_path / "pcmC0D0c"
    node.touch()
    assert device_owner("", node) is None
    program = "import sys; f = open(sys.argv[1]); print(1, flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(node)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        found = device_owner("", node)
        assert found is not None
        assert found[0] == other.pid
        assert found[1].startswith("python")
        other.communicate()
    assert device_owner("", node) is None


def test_a_missing_device_file_has_no_owner(tmp_path: Path) -> None:
    assert device_owner("", tmp_path / "nothing") is None


@pytest.mark.parametrize("process", [2**22 + 1])
def test_an_owner_that_has_ended_is_called_a_program(process: int, tmp_path: Path) -> None:
    assert device_owner(f"owner_pid : {process}", tmp_path) == (process, "a program")
