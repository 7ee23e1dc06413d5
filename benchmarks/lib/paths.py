"""Folders that the benchmarks read from and write to."""

from __future__ import annotations

import os
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parents[1]
ROOT = BENCHMARKS.parent
BUILD = ROOT / "build"
PEERS = BENCHMARKS / "peers"


def default_recordings() -> Path:
    """Folder of the real recordings: ``ANOMALY_RECORDINGS``, else ``shared/audio`` beside the repository."""
    return Path(os.environ.get("ANOMALY_RECORDINGS", ROOT.parent / "shared" / "audio"))


def default_vibration() -> Path:
    """Folder of the vibration recordings: ``ANOMALY_VIBRATION``, else ``shared/vibration`` beside the repository."""
    return Path(os.environ.get("ANOMALY_VIBRATION", ROOT.parent / "shared" / "vibration"))
