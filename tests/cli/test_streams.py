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


def test_a_loss_can_wait_until_the_work_is_done() -> None:
    code = (
        "from anomaly.cli import streams; streams.prepare(); import sys\n"
        "with streams.loss_deferred(): print('x' * 100_000); print('not reached', file=sys.stderr)\n"
        "print(streams.unreported_loss().strerror, file=sys.stderr)\n"
        "streams.discard_stdout(); print(streams.unreported_loss(), file=sys.stderr)"
    )
    done = shell(f'{sys.executable} -c "{code}" > /dev/full')
    assert done.stderr == b"No space left on device\nNone\n"


@pytest.mark.parametrize("error", ["OSError('another')", "ValueError('a bug')"])
def test_other_errors_do_not_wait(error: str) -> None:
    code = (
        "from anomaly.cli import streams; streams.prepare()\n"
        f"with streams.loss_deferred(): print('x' * 100_000); raise {error}"
    )
    assert error.encode() not in shell(f'{sys.executable} -c "{code}" > /dev/full').stderr
    assert shell(f'{sys.executable} -c "{code}"').returncode == 1


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
