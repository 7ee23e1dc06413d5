"""Mel windows of a real slide rail, with faults injected into its held-out clips."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anomaly.evaluate.bench.slider_fault import slider_fault
from baselines.log_mel import log_mel
from lib.paths import default_recordings

__all__ = ["FRAMES", "slide_rail"]

# Frames of a window, bands of a frame, and frames between two windows.
FRAMES, _BANDS, _HOP = 2, 32, 5
_LEVEL_DB = -5.0

Windows = NDArray[np.float32]


def slide_rail(seed: int) -> tuple[Windows, Windows, NDArray[np.int64], NDArray[np.int64]]:
    """Standardised windows of normal training clips and of test clips; which are anomalous, and their clip."""
    (bench,) = slider_fault(default_recordings(), (_LEVEL_DB,), seed)
    train = np.concatenate([_windows(clip) for clip in bench.train])
    middle, spread = train.mean(axis=0), train.std(axis=0)
    cut = [_windows(clip.samples) for clip in bench.test]
    number = np.repeat(np.arange(len(cut)), [len(windows) for windows in cut])
    anomalous = np.array([clip.label != "normal" for clip in bench.test], np.int64)[number]
    return (train - middle) / spread, (np.concatenate(cut) - middle) / spread, anomalous, number


def _windows(clip: NDArray[np.float32]) -> Windows:
    levels = log_mel(clip, _BANDS)
    starts = np.arange(0, len(levels) - FRAMES, _HOP)
    return np.stack([levels[start : start + FRAMES].reshape(-1) for start in starts])
