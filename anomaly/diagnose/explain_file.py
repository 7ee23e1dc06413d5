"""Explanation of recordings in files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from anomaly.audio.channels import Channel
from anomaly.audio.files.recordings import find_recordings, read
from anomaly.config.facts.rotating_facts import RotatingFacts
from anomaly.diagnose.physics.bearing_evidence import LONGEST_S
from anomaly.diagnose.physics.explanation import Explanation, explain_sound
from anomaly.diagnose.physics.machine_normal import MachineNormal, Sound, learn_normal
from anomaly.diagnose.physics.sentence import sentence
from anomaly.errors import AnomalyError

_MOST_NORMAL_FILES = 60
_LEAST_WINDOW_S = 0.5


@dataclass(frozen=True)
class ExplainOptions:
    """Knowledge beside the sound.

    Args:
        facts: of the machine.
        rpm: speed of the shaft, if known.
        channel: of the recordings.
        normal: recordings of the machine's normal sound, or folders of them.
    """

    facts: RotatingFacts
    rpm: float | None = None
    channel: Channel = "mean"
    normal: tuple[Path, ...] = ()


class FileExplainer:
    """Explains files, against normal sound that is read once per length of file.

    Args:
        options: what is known.
    """

    def __init__(self, options: ExplainOptions) -> None:
        self._options = options
        self._normals: dict[float, MachineNormal] = {}
        self._sounds: list[Sound] | None = None

    def explain(self, path: Path) -> tuple[Sound, Explanation]:
        """Explain one file.

        Raises:
            InputError: it cannot be read, or is too short or silent.
            UsageError: the speed does not fit its sample rate.
        """
        sound = read_sound(path, self._options.channel)
        normal = self._normal(min(LONGEST_S, max(_LEAST_WINDOW_S, sound.seconds)))
        try:
            found = explain_sound(sound, self._options.facts, rpm=self._options.rpm, normal=normal)
        except AnomalyError as error:
            error.where = error.where or str(path)
            raise
        return sound, found

    def _normal(self, window_s: float) -> MachineNormal:
        if not self._options.normal:
            return MachineNormal()
        if self._sounds is None:
            files = [file for place in self._options.normal for file in find_recordings(place)]
            self._sounds = [read_sound(file, self._options.channel) for file in files[:_MOST_NORMAL_FILES]]
        window_s = round(window_s, 1)
        if window_s not in self._normals:
            self._normals[window_s] = learn_normal(
                self._sounds, self._options.facts, window_s, self._options.rpm
            )
        return self._normals[window_s]


def read_sound(path: Path, channel: Channel) -> Sound:
    """Read one channel of a recording at its own rate."""
    recording = read(path, channel=channel)
    return Sound(recording.samples.astype(np.float64), recording.sample_rate_hz)


def to_dict(path: Path, found: Explanation, pictures: Sequence[Path] = ()) -> dict[str, Any]:
    """Return the explanation of a file as JSON types."""
    speed = found.speed
    return {
        "path": str(path),
        "family": found.family,
        "candidates": [one.to_dict() for one in found.candidates],
        "speed_hz": None if speed is None else round(speed.hz, 3),
        "speed_uncertainty_hz": None if speed is None else round(speed.uncertainty_hz, 3),
        "speed_source": "unknown" if speed is None else speed.source,
        "compared_with": found.compared_with,
        "sentence": sentence(found),
        "pictures": [str(picture) for picture in pictures],
    }
