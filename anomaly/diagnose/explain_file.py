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
from anomaly.diagnose.why.change import ChangeFinder
from anomaly.diagnose.why.reason import Reason, find_reason
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


@dataclass(frozen=True)
class NormalFile:
    """A recording of normal sound."""

    path: Path
    sound: Sound


@dataclass(frozen=True)
class ExplainedFile:
    """Explanation of a file.

    Args:
        path: the file.
        sound: its channel.
        explanation: by the parts of the machine.
        reason: change against normal sound; None without normal sound.
        nearest: the normal recording that is most alike.
    """

    path: Path
    sound: Sound
    explanation: Explanation
    reason: Reason | None = None
    nearest: NormalFile | None = None


class FileExplainer:
    """Explains files, against normal sound that is read once per length of file.

    Args:
        options: what is known.
    """

    def __init__(self, options: ExplainOptions) -> None:
        self._options = options
        self._normals: dict[float, MachineNormal] = {}
        self._files: list[NormalFile] | None = None
        self._finders: dict[float, ChangeFinder] = {}

    def explain(self, path: Path) -> ExplainedFile:
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
        return ExplainedFile(path, sound, found, *self._reason(sound))

    def _reason(self, sound: Sound) -> tuple[Reason | None, NormalFile | None]:
        """Return the change against normal sound of the same rate, and the nearest normal file."""
        normal = [one for one in self._normal_files() if one.sound.rate_hz == sound.rate_hz]
        if not normal or min(sound.seconds, *(one.sound.seconds for one in normal)) < _LEAST_WINDOW_S:
            return None, None
        if sound.rate_hz not in self._finders:
            pieces = [one.sound.samples for one in normal]
            self._finders[sound.rate_hz] = ChangeFinder(pieces, sound.rate_hz)
        pieces = [one.sound.samples for one in normal]
        reason = find_reason(sound.samples, sound.rate_hz, pieces, self._finders[sound.rate_hz])
        return reason, normal[reason.nearest]

    def _normal_files(self) -> list[NormalFile]:
        if self._files is None:
            paths = [file for place in self._options.normal for file in find_recordings(place)]
            sounds = [read_sound(path, self._options.channel) for path in paths[:_MOST_NORMAL_FILES]]
            self._files = [NormalFile(path, sound) for path, sound in zip(paths, sounds, strict=False)]
        return self._files

    def _normal(self, window_s: float) -> MachineNormal:
        if not self._options.normal:
            return MachineNormal()
        window_s = round(window_s, 1)
        if window_s not in self._normals:
            sounds = [one.sound for one in self._normal_files()]
            self._normals[window_s] = learn_normal(sounds, self._options.facts, window_s, self._options.rpm)
        return self._normals[window_s]


def read_sound(path: Path, channel: Channel) -> Sound:
    """Read one channel of a recording at its own rate."""
    recording = read(path, channel=channel)
    return Sound(recording.samples.astype(np.float64), recording.sample_rate_hz)


def to_dict(file: ExplainedFile, pictures: Sequence[Path] = ()) -> dict[str, Any]:
    """Return the explanation of a file as JSON types."""
    found, speed, reason = file.explanation, file.explanation.speed, file.reason
    family = found.family
    if family == "none" and reason is not None and reason.change is not None:
        family = "unknown"
    words = [] if reason is None else [reason.sentence()]
    return {
        "path": str(file.path),
        "family": family,
        "candidates": [one.to_dict() for one in found.candidates],
        "speed_hz": None if speed is None else round(speed.hz, 3),
        "speed_uncertainty_hz": None if speed is None else round(speed.uncertainty_hz, 3),
        "speed_source": "unknown" if speed is None else speed.source,
        "compared_with": found.compared_with,
        "sentence": " ".join([*words, sentence(found)]),
        **({} if reason is None else reason.to_dict()),
        "nearest_normal": None if file.nearest is None else str(file.nearest.path),
        "pictures": [str(picture) for picture in pictures],
    }
