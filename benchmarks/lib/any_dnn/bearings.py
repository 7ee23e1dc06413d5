"""Bearing faults as raw windows: trained on loads 0 and 1, tested on 2 and 3."""

from __future__ import annotations

import re

import numpy as np
import soundfile
from numpy.typing import NDArray

from lib.paths import default_recordings

__all__ = ["CLASSES", "bearings"]

CLASSES = ("normal", "inner", "outer", "ball")
_WINDOW, _PER_RECORD = 128, 80
_NAME = re.compile(r"(?P<kind>normal|inner|outer|ball).*?_(?:(?P<size>0\d\d)_)?(?:at\d+_)?(?P<load>\d)hp")

Windows = NDArray[np.float32]
Labels = NDArray[np.int64]


def bearings(seed: int, left_out: str | None) -> tuple[Windows, Labels, Windows, Labels]:
    """Cut windows of 128 samples at 12 kHz from the records of the drive end.

    The one normal record, at load 0, is halved. With ``left_out``, faults of this size (in thousandths of an inch)
    are not trained on, and the test holds only these and the normal half.
    """
    folder = default_recordings().parent / "vibration" / "cwru"
    random = np.random.default_rng(seed)
    parts: dict[bool, list[tuple[Windows, int]]] = {True: [], False: []}
    for path in sorted(folder.glob("*/*.flac")):
        found = _NAME.match(path.name)
        if found is None:
            continue
        kind, size, load = CLASSES.index(found["kind"]), found["size"], int(found["load"])
        record = np.asarray(soundfile.read(path, dtype="float32", always_2d=True)[0][:, 0])
        if kind == 0:
            parts[True].append((_cut(record[: len(record) // 2], 6 * _PER_RECORD, random), 0))
            parts[False].append((_cut(record[len(record) // 2 :], 6 * _PER_RECORD, random), 0))
            continue
        trains = load < 2
        if left_out is not None and (size == left_out) == trains:
            continue
        parts[trains].append((_cut(record, _PER_RECORD, random), kind))
    train, labels = _joined(parts[True])
    test, test_labels = _joined(parts[False])
    spread = train.std()
    return train / spread, labels, test / spread, test_labels


def _cut(record: Windows, count: int, random: np.random.Generator) -> Windows:
    starts = random.integers(len(record) - _WINDOW, size=count)
    return np.stack([record[start : start + _WINDOW] for start in starts])[:, None, :]


def _joined(parts: list[tuple[Windows, int]]) -> tuple[Windows, Labels]:
    labels = np.concatenate([np.full(len(windows), kind, np.int64) for windows, kind in parts])
    return np.concatenate([windows for windows, _ in parts]), labels
