"""Background sound to mix machines into; training and test share no recording of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anomaly.audio.files.recordings import find_recordings, read_16k
from anomaly.errors import UsageError
from anomaly.evaluate.bench.clips import (
    Samples,
    mix_at_level,
    random_excerpt,
    require_parts,
    rms,
    to_unit_rms,
)
from anomaly.evaluate.layouts.layouts import read_layout

BACKGROUNDS = ("slider", "noise")


@dataclass(frozen=True, eq=False)
class Background:
    """One kind of background.

    Attributes:
        name: ``slider`` (a factory) or ``noise`` (air conditioning, dishwashers, a street).
        train: recordings for training sound, [n] each.
        test: other recordings, for test sound.
    """

    name: str
    train: list[Samples]
    test: list[Samples]

    def scenes(self, count: int, length: int, generator: np.random.Generator) -> list[Samples]:
        """Draw excerpts [length] of the recordings for the test."""
        return [random_excerpt(self.test, length, generator) for _ in range(count)]


@dataclass(frozen=True, eq=False)
class Mixtures:
    """Pairs of machine and background sound, before a level is chosen.

    Attributes:
        train: each training sound with an excerpt of background of the same length.
        scenes: excerpts of background for the test, each with the background's name.
    """

    train: list[tuple[Samples, Samples]]
    scenes: list[tuple[str, Samples]]

    def training(self, level_db: float) -> list[Samples]:
        """Return the training sound with the machine ``level_db`` above the background."""
        return [mix_at_level(sound, background, level_db) for sound, background in self.train]


def mixtures(
    places: Sequence[Background],
    sounds: Sequence[Samples],
    scene_length: int,
    generator: np.random.Generator,
    *,
    train_mixes: int,
    test_mixes: int,
) -> Mixtures:
    """Draw excerpts: for each place ``train_mixes`` for each sound, and ``test_mixes`` scenes [scene_length]."""
    train, scenes = [], []
    for place in places:
        train += [
            (s, random_excerpt(place.train, len(s), generator)) for _ in range(train_mixes) for s in sounds
        ]
        scenes += [(place.name, scene) for scene in place.scenes(test_mixes, scene_length, generator)]
    return Mixtures(train, scenes)


def read_backgrounds(recordings: Path, names: Sequence[str]) -> list[Background]:
    """Read backgrounds; those of ``noise/`` are brought to the loudness of the slide rail's recordings.

    Raises:
        InputError: recordings are missing or cannot be read.
        UsageError: there is no background of a name.
    """
    return [_read(recordings, name) for name in names]


def _read(recordings: Path, name: str) -> Background:
    if name == "slider":
        return _slider(recordings / "slider")
    if name == "noise":
        level = float(np.mean([rms(one) for one in _slider(recordings / "slider").train]))
        return _noise(recordings / "noise", level)
    raise UsageError(f"there is no background {name!r}", hint=f"backgrounds: {', '.join(BACKGROUNDS)}")


def _slider(folder: Path) -> Background:
    data = read_layout(folder)
    train = [read_16k(clip.path) for clip in data.train]
    test = [read_16k(clip.path) for clip in data.test if clip.label == "normal"]
    require_parts(folder, train=train, test=test)
    return Background("slider", train, test)


def _noise(folder: Path, level: float) -> Background:
    """Read the recordings of ``noise/``, every second one for the test.

    The first two parts of a file name are the recording. A whole recording is preferred to its pieces, which hold the
    same sound.
    """
    found: dict[str, list[Path]] = {}
    for path in find_recordings(folder):
        found.setdefault("_".join(path.stem.split("_")[:2]), []).append(path)
    sounds = []
    for name, paths in sorted(found.items()):
        whole = [path for path in paths if path.stem == name] or paths
        sound = np.concatenate([read_16k(path) for path in whole])
        sounds.append(to_unit_rms(sound) * np.float32(level))
    require_parts(folder, train=sounds[::2], test=sounds[1::2])
    return Background("noise", sounds[::2], sounds[1::2])
