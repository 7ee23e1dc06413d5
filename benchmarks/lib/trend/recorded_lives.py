"""Lives of bearings that were recorded as snapshots joined in one file, as in the folder of vibration recordings."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf

from anomaly.errors import InputError
from anomaly.prognosis.index.band_amplitudes import BandAmplitudes, band_amplitudes
from anomaly.prognosis.index.band_index import band_index, reference_count
from anomaly.prognosis.life.past_life import PastLife, life_of

SNAPSHOT_S, EVERY_S = 0.1, 10.0
_FAULT = "run to failure"


@dataclass(frozen=True, eq=False)
class RecordedLife:
    """Life with the reference that its index was made with.

    Args:
        name: of the file.
        life: index over age, with the alarm.
    """

    name: str
    life: PastLife


def recorded_lives(folder: Path) -> Sequence[RecordedLife]:
    """Read the lives that ``manifest.csv`` of a folder names.

    Raises:
        InputError: there is no manifest, or it names no life.
    """
    manifest = folder / "manifest.csv"
    if not manifest.is_file():
        raise InputError("there is no manifest.csv", where=folder, hint="name the folder with --data")
    with manifest.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("fault") == _FAULT]
    if not rows:
        raise InputError(f"names no recording with fault {_FAULT!r}", where=manifest)
    return [_life(folder / row["path"], int(row["rate_hz"])) for row in rows]


def _life(path: Path, rate_hz: int) -> RecordedLife:
    """Read one life; its first tenth is the reference."""
    size = round(SNAPSHOT_S * rate_hz)
    samples = sf.read(path, dtype="float32", always_2d=True)[0][:, 0]
    count = len(samples) // size
    rows = [band_amplitudes(samples[size * n : size * (n + 1)], rate_hz) for n in range(count)]
    amplitudes = BandAmplitudes(EVERY_S * np.arange(count, dtype=np.float64), np.array(rows))
    reference = reference_count(count)
    return RecordedLife(path.stem, life_of(band_index(amplitudes, path.stem, reference), reference))
