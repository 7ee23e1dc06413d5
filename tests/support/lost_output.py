"""Commands whose output nobody takes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CLOSED_PIPE, FULL_DISK = "closed pipe", "full disk"
# Reason in the message of the command.
REASONS = {CLOSED_PIPE: "it is closed", FULL_DISK: "No space left on device"}


def run_without_stdout(kind: str, *line: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `anomaly` with stdout a pipe whose reader has gone, or on a full disk; stderr is kept."""
    if kind == CLOSED_PIPE:
        reading, output = os.pipe()
        os.close(reading)
    else:
        output = os.open("/dev/full", os.O_WRONLY)
    try:
        return subprocess.run(
            [sys.executable, "-m", "anomaly", *line],
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            cwd=cwd,
            timeout=120,
        )
    finally:
        os.close(output)
