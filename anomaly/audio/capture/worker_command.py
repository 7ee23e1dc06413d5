"""Command line of the capture process."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def capture_command(*arguments: str) -> tuple[list[str], dict[str, str]]:
    """Return the command line and environment that run ``anomaly.audio.capture.worker`` from this very package."""
    root = str(Path(__file__).resolve().parents[3])
    path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH")) if part)
    # -P: a file called `json.py` in the current folder must not become part of the capture process.
    return [sys.executable, "-P", "-m", "anomaly.audio.capture.worker", *arguments], {
        **os.environ,
        "PYTHONPATH": path,
    }
