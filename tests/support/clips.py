"""Folders of recordings for tests of training, and snapshots of folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

RATE_HZ = 16_000


def write_clips(folder: Path, sound: np.ndarray, clip_s: float, rate_hz: int = RATE_HZ) -> None:
    """Cut sound into files of 24 bits, ``normal_<nn>.wav``, each ``clip_s`` long."""
    folder.mkdir(parents=True, exist_ok=True)
    step = round(clip_s * rate_hz)
    for number, start in enumerate(range(0, len(sound) - step + 1, step)):
        soundfile.write(
            folder / f"normal_{number:02}.wav", sound[start : start + step], rate_hz, subtype="PCM_24"
        )


def tree(folder: Path) -> dict[str, bytes | None]:
    """Content of every path below a folder, hidden ones included."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }
