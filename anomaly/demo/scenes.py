"""Sounds of the demo: a healthy pump to train on, one whose bearing fails, and labelled clips to test with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from anomaly.audio.files.write import save_wav
from anomaly.audio.simulator import load_recipe, simulate

Samples = npt.NDArray[np.float32]

MACHINE = "pump"
FAULT = "outer_race"
HEALTHY_S = 600.0
_CLIP_S = 10.0
_NORMAL_CLIPS = 40
# Sound of each fault and severity in the test.
FAULT_S = 20.0
_SEVERITIES = (0.1, 0.3, 1.0)
# Shares of the recording: first without a fault, then with rising severity; the rest is at full severity.
_HEALTHY_SHARE, _FAILING_SHARE = 0.4, 0.5
_RATE_HZ = 16_000


@dataclass(frozen=True, eq=False)
class TestClip:
    """Labelled clip of a test.

    Args:
        samples: [n], float32, 16 kHz.
        fault: name of the fault, or None.
        severity: 0 to 1.
    """

    __test__ = False

    samples: Samples
    fault: str | None
    severity: float


def severity_at(time_s: npt.NDArray[np.float64], seconds: float) -> npt.NDArray[np.float64]:
    """Severity of the bearing's fault over time: 0 at first, then slowly up to 1."""
    begins, lasts = _HEALTHY_SHARE * seconds, _FAILING_SHARE * seconds
    return np.clip((time_s - begins) / lasts, 0.0, 1.0)


def fault_begins_s(seconds: float) -> float:
    """Second of the recording at which the bearing begins to fail."""
    return _HEALTHY_SHARE * seconds


def write_healthy(folder: Path, seed: int) -> Path:
    """Write ten minutes of a healthy pump as one recording, and return the data folder."""
    sound = simulate(MACHINE, seconds=HEALTHY_S, seed=seed)
    save_wav(folder / "normal" / "normal_healthy.wav", sound.samples, _RATE_HZ)
    return folder


def write_failing(path: Path, seconds: float, seed: int) -> Path:
    """Write the pump at another time, with the outer race of its bearing failing slowly."""
    sound = simulate(
        MACHINE,
        seconds=seconds,
        seed=seed + 1,
        fault=FAULT,
        severity=lambda time_s: severity_at(time_s, seconds),
    )
    save_wav(path, sound.samples, _RATE_HZ)
    return path


def test_clips(seed: int) -> Iterator[TestClip]:
    """Yield clips that are not in the training: normal ones, and every fault of the pump at three severities."""
    normal = simulate(MACHINE, seconds=_NORMAL_CLIPS * _CLIP_S, seed=seed + 2)
    for piece in np.split(normal.samples, _NORMAL_CLIPS):
        yield TestClip(piece, None, 0.0)
    for number, fault in enumerate(sorted(load_recipe(MACHINE).faults)):
        for level, severity in enumerate(_SEVERITIES):
            begun = seed + 100 + 10 * number + level
            sound = simulate(MACHINE, seconds=FAULT_S, seed=begun, fault=fault, severity=severity)
            for piece in np.split(sound.samples, int(FAULT_S / _CLIP_S)):
                yield TestClip(piece, fault, severity)
