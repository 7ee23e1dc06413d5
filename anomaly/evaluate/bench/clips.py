"""Detection sets and labelled clips, and the mixing of machine and background sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from anomaly.errors import InputError
from anomaly.evaluate.layouts.file_names import Label

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class LabelledClip:
    """Clip to score, with its label.

    Attributes:
        samples: float32, shape [n], 16 kHz.
        label: normal or anomaly.
        fault: the kind of fault of an anomaly.
        recording: equal for clips cut from, or mixed with, the same recording.
        condition: background, or ``source`` (as in training) and ``target`` (unlike it).
    """

    samples: Samples
    label: Label
    fault: str | None
    recording: str
    condition: str | None = None


@dataclass(frozen=True, eq=False)
class DetectionSet:
    """Normal sound to train on and labelled sound to test with, at one level.

    Attributes:
        name: of the set.
        level: of the fault, or of the machine, over the background in dB; of a simulated fault its severity.
        train: clips, shape [n] each. Sets that differ in the test alone share this very list.
        test: clips of both labels.
    """

    name: str
    level: float
    train: list[Samples]
    test: list[LabelledClip]


def rms(samples: Samples) -> float:
    """Root mean square of a sound [n]."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def to_unit_rms(samples: Samples) -> Samples:
    """Scale a sound to an RMS of one."""
    return samples / np.float32(max(rms(samples), 1e-12))


def random_excerpt(backgrounds: Sequence[Samples], length: int, generator: np.random.Generator) -> Samples:
    """Random excerpt [length] of a random background, repeated from its start if that is too short."""
    background = backgrounds[int(generator.integers(len(backgrounds)))]
    start = int(generator.integers(max(len(background) - length, 0) + 1))
    if len(background) < length:
        return np.resize(background[start:], length)
    return background[start : start + length]


def mix_at_level(machine: Samples, background: Samples, level_db: float) -> Samples:
    """Mix a machine at RMS one into a background [n], ``level_db`` above it."""
    return background + np.float32(rms(background) * 10.0 ** (level_db / 20.0)) * machine


def require_parts(folder: Path, **parts: Sequence[object]) -> None:
    """Check that no part of a set is empty.

    Raises:
        InputError: a part is empty.
    """
    for name, part in parts.items():
        if not part:
            raise InputError(f"nothing usable in {name}/", where=folder, hint="see docs/data-layouts.md")
