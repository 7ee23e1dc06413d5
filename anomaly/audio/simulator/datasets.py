"""Folders of simulated recordings: the takes of a recording or a data set, and their files."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from anomaly.atomic import new_files
from anomaly.audio.files.write import save_flac, save_wav
from anomaly.audio.simulator.motion.states import Schedule
from anomaly.audio.simulator.recipe.model import Recipe
from anomaly.audio.simulator.render import simulate
from anomaly.errors import InputError, UsageError

TAKE_S = 600.0
"""Longest take: longer recordings consist of several, each with its seed."""

MAX_MINUTES = 24 * 60
DATASET_SEVERITIES = (0.1, 0.3, 1.0)
# Normal test clips per test clip of each fault and severity.
_NORMAL_RATIO = 4
_MIN_CLIP_S = 0.5

AudioFileFormat = Literal["wav", "flac"]


@dataclass(frozen=True)
class Take:
    """One take, and the files of equal length that it is divided into.

    Args:
        seed: of the take.
        clip_s: seconds of each file.
        paths: the files in order.
        fault: name of the fault, or None.
        severity: of the fault.
    """

    seed: int
    clip_s: float
    paths: tuple[Path, ...]
    fault: str | None = None
    severity: float = 0.0

    @property
    def seconds(self) -> float:
        """Duration."""
        return self.clip_s * len(self.paths)


@dataclass(frozen=True)
class WrittenClip:
    """A file at its final path, its take, and (start_s, state, speed_rpm) within the file."""

    path: Path
    take: Take
    states: list[tuple[float, str, float]]


@dataclass(frozen=True)
class TakeSettings:
    """Settings that all takes of a folder share; see :func:`~anomaly.audio.simulator.simulate`."""

    recipe: Recipe
    machine_id: int = 0
    speed: str | float | None = None
    states: str | Schedule | None = None
    snr_db: float | None = None


def plan_recordings(
    folder: Path,
    *,
    minutes: float,
    clip_s: float | None,
    seed: int,
    fault: str | None,
    severity: float,
    suffix: AudioFileFormat,
) -> list[Take]:
    """Plan the takes of one condition: ``normal/normal_<seed>_<nnnn>`` or ``abnormal/anomaly_<fault>_<severity>_…``.

    Without ``clip_s`` each take is one file.

    Raises:
        UsageError: the lengths make no sense.
    """
    if fault and severity == 0.0:
        raise UsageError("severity 0 is no fault at all", where="--severity", hint="more than 0, at most 1")
    seconds = _seconds(minutes)
    stem = f"abnormal/anomaly_{fault}_{severity:g}_{seed}" if fault else f"normal/normal_{seed}"
    return _takes(folder, stem, seconds, clip_s, seed, suffix, fault, severity)


def plan_dataset(
    folder: Path,
    recipe: Recipe,
    *,
    minutes: float,
    clip_s: float,
    test_clips: int,
    seed: int,
    suffix: AudioFileFormat,
) -> list[Take]:
    """Plan a data set as DCASE Task 2 has it: ``train/normal_*``, ``test/normal_*``, ``test/anomaly_<fault>_*``.

    Each test clip is a take of its own: ``test_clips`` for each fault and each of the severities 0.1, 0.3 and 1.0,
    four times as many normal ones.

    Raises:
        UsageError: the lengths make no sense.
    """
    if not 1 <= test_clips <= 1000:
        raise UsageError(f"{test_clips} test clips make no set", where="--test-clips", hint="1 to 1000")
    takes = _takes(folder, f"train/normal_{seed}", _seconds(minutes), clip_s, seed, suffix, None, 0.0)
    conditions: list[tuple[str | None, float, int]] = [(None, 0.0, test_clips * _NORMAL_RATIO)]
    conditions += [
        (fault, severity, test_clips) for fault in recipe.faults for severity in DATASET_SEVERITIES
    ]
    # Normal test clips are numbered on from the training clips, since the same name means the same recording.
    training_clips = sum(len(take.paths) for take in takes)
    for fault, severity, count in conditions:
        first = 0 if fault else training_clips
        stem = f"anomaly_{fault}_{severity:g}_{seed}" if fault else f"normal_{seed}"
        for number in range(count):
            path = folder / "test" / f"{stem}_{first + number:04d}.{suffix}"
            takes.append(Take(_take_seed(seed, len(takes) + 1), clip_s, (path,), fault, severity))
    return takes


def refuse_existing(takes: Sequence[Take]) -> None:
    """Refuse to overwrite files, before anything is rendered.

    Raises:
        InputError: a file exists already.
    """
    existing = [path for take in takes for path in take.paths if path.exists()]
    if existing:
        more = f", and {len(existing) - 1} more" if len(existing) > 1 else ""
        raise InputError(
            f"is already there{more}",
            where=existing[0],
            hint="--force replaces it; another --seed goes beside it",
        )


def write(folder: Path, takes: Sequence[Take], settings: TakeSettings) -> Generator[WrittenClip]:
    """Render takes and write their clips; yield each as it is written, and show all in ``folder`` after the last.

    A run that stops before leaves the folder as it was, since half a data set could be taken for a whole one.

    Raises:
        UsageError: an argument that the recipe does not allow.
        ConfigError: a folder cannot be written.
    """
    with new_files(folder) as work:
        for take in takes:
            yield from _written(take, settings, folder, work)


def _written(take: Take, settings: TakeSettings, folder: Path, work: Path) -> Iterator[WrittenClip]:
    sound = simulate(
        settings.recipe,
        seconds=take.seconds,
        seed=take.seed,
        machine_id=settings.machine_id,
        fault=take.fault,
        severity=take.severity,
        speed=settings.speed,
        states=settings.states,
        snr_db=settings.snr_db,
    )
    clips = np.array_split(sound.samples, len(take.paths))
    for number, (path, clip) in enumerate(zip(take.paths, clips, strict=True)):
        save = save_flac if path.suffix == ".flac" else save_wav
        save(work / path.relative_to(folder), clip, sound.sample_rate_hz, subtype="PCM_16")
        yield WrittenClip(path, take, _within(sound.states, number * take.clip_s, take.clip_s))


def _within(
    states: Sequence[tuple[float, str, float]], start_s: float, length_s: float
) -> list[tuple[float, str, float]]:
    """Return the states of a clip, with times from its start."""
    ends = [state[0] for state in states[1:]] + [np.inf]
    return [
        (max(begin - start_s, 0.0), state, rpm)
        for (begin, state, rpm), end in zip(states, ends, strict=True)
        if end > start_s and begin < start_s + length_s
    ]


def _takes(
    folder: Path,
    stem: str,
    seconds: float,
    clip_s: float | None,
    seed: int,
    suffix: str,
    fault: str | None,
    severity: float,
) -> list[Take]:
    """Divide a length into takes, and these into clips that are numbered in order."""
    takes: list[Take] = []
    number = 0
    for count, length in _take_lengths(seconds, clip_s):
        paths = tuple(folder / f"{stem}_{n:04d}.{suffix}" for n in range(number, number + count))
        takes.append(Take(_take_seed(seed, len(takes)), length, paths, fault, severity))
        number += count
    return takes


def _take_lengths(seconds: float, clip_s: float | None) -> list[tuple[int, float]]:
    """Return the number of clips of each take, and their length."""
    if clip_s is not None and not _MIN_CLIP_S <= clip_s <= TAKE_S:
        raise UsageError(
            f"a clip cannot last {clip_s:g} s", where="--clip-seconds", hint=f"{_MIN_CLIP_S:g} to {TAKE_S:g}"
        )
    if clip_s is None:
        whole, rest = divmod(seconds, TAKE_S)
        lengths = [(1, TAKE_S)] * int(whole) + ([(1, rest)] if rest >= _MIN_CLIP_S else [])
    else:
        clips, per_take = int(seconds / clip_s + 1e-9), int(TAKE_S / clip_s)
        lengths = [(min(per_take, clips - done), clip_s) for done in range(0, clips, per_take)]
    if not lengths:
        raise UsageError(
            f"{seconds:g} s do not fill one clip", where="--minutes", hint="more minutes, shorter clips"
        )
    return lengths


def _seconds(minutes: float) -> float:
    if not 0.0 < minutes <= MAX_MINUTES:
        raise UsageError(
            f"{minutes:g} minutes cannot be simulated in one go",
            where="--minutes",
            hint=f"more than 0, at most {MAX_MINUTES}; a longer set is several runs with seeds of their own",
        )
    return minutes * 60.0


def _take_seed(seed: int, number: int) -> int:
    """Return the seed of a take: that of the folder for the first, so that ``simulate`` gives the same sound."""
    if number == 0 or seed < 0:
        return seed
    return int(np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0])
