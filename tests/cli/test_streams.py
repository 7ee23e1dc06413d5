"""Standard streams that are full, closed, or of an encoding that shows little."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = f"{sys.executable} -m anomaly"


def shell(command: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of the shell with `$A` as the command."""
    return subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        check=False,
        env={**os.environ, "A": COMMAND, "COLUMNS": "80", **environ},
    )


@pytest.mark.parametrize(
    ("redirection", "reason"), [(">/dev/full", b"No space left on device"), (">&-", b"it is closed")]
)
@pytest.mark.parametrize("command", ["--version", "config schema", "--help"])
def test_output_that_is_lost_is_a_plain_error(command: str, redirection: str, reason: bytes) -> None:
    done = shell(f"$A {command} {redirection}")
    assert done.returncode == 3
    assert b"error: standard output: cannot be written: " + reason in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-", "0<&- 2>&-"])
def test_messages_that_are_lost_are_no_error(redirection: str, tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text("sinks: {}\n")
    done = shell(f"$A config check {site} {redirection}")
    assert done.returncode == 0
    assert done.stdout == done.stderr == b""


def test_a_closed_descriptor_does_not_become_a_file(tmp_path: Path) -> None:
    code = "from anomaly.cli import streams; streams.prepare(); import os; print(os.open('x', os.O_CREAT), flush=True)"
    done = shell(f'cd {tmp_path} && {sys.executable} -c "{code}" 0<&- 2>&-')
    assert int(done.stdout) > 2


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_characters_that_the_terminal_lacks_are_replaced(encoding: str) -> None:
    done = shell("$A data check --help", PYTHONIOENCODING=encoding)
    assert done.returncode == 0
    assert done.stdout.decode(encoding)
    code = (
        "from anomaly.cli import streams; streams.prepare(); import sys\n"
        "print('a \\u2013 b \\u2026 \\u4e2d'); print('\\u2265', file=sys.stderr)\n"
        "print('caf\\udce9')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )
    assert done.stdout == b"a - b ... ?\ncaf\xe9\n"
    assert done.stderr == b">=\n"
