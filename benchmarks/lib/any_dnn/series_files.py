"""Time series that the package aeon carries: its wheel is downloaded and only these files are unpacked."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import numpy as np
from numpy.typing import NDArray

from lib.paths import BUILD
from lib.progress import log

__all__ = ["load_series"]

_FOLDER = BUILD / "aeon"
_PACKAGE = "aeon==1.6.0"

Split = tuple[NDArray[np.float32], NDArray[np.int64]]


def load_series(name: str) -> tuple[Split, Split]:
    """Load training and test series, float32[series, channel, step] with classes from 0.

    Short series are padded by their last value.
    """
    parts = [_parse((_member(f"{name}_{part}.ts")).decode()) for part in ("TRAIN", "TEST")]
    length = max(series.shape[1] for rows, _ in parts for series in rows)
    classes = sorted({label for _, labels in parts for label in labels})
    loaded = []
    for rows, labels in parts:
        padded = [np.pad(series, ((0, 0), (0, length - series.shape[1])), mode="edge") for series in rows]
        numbers = np.array([classes.index(label) for label in labels], np.int64)
        loaded.append((np.stack(padded).astype(np.float32), numbers))
    return loaded[0], loaded[1]


def _member(file: str) -> bytes:
    wheels = sorted(_FOLDER.glob("aeon-*.whl"))
    if not wheels:
        log(f"downloading {_PACKAGE} into {_FOLDER}")
        _FOLDER.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", _PACKAGE, "-d", str(_FOLDER)]
        subprocess.run(command, check=True, stdout=sys.stderr)
        wheels = sorted(_FOLDER.glob("aeon-*.whl"))
    with zipfile.ZipFile(wheels[-1]) as wheel:
        (name,) = [name for name in wheel.namelist() if name.endswith(f"/{file}")]
        return wheel.read(name)


def _parse(text: str) -> tuple[list[NDArray[np.float64]], list[str]]:
    rows, labels = [], []
    for line in text.partition("@data")[2].splitlines():
        if line.strip():
            *channels, label = line.strip().split(":")
            rows.append(np.array([[float(value) for value in one.split(",")] for one in channels]))
            labels.append(label)
    return rows, labels
