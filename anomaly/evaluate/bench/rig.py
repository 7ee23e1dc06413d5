"""Vibration rig with seeded faults, mixed into backgrounds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.files.recordings import find_recordings, read_16k
from anomaly.evaluate.bench.backgrounds import BACKGROUNDS, Mixtures, mixtures, read_backgrounds
from anomaly.evaluate.bench.clips import (
    DetectionSet,
    LabelledClip,
    Samples,
    mix_at_level,
    require_parts,
    to_unit_rms,
)
from anomaly.evaluate.layouts.file_names import Label

LEVELS_DB = (0.0, -6.0, -12.0)
TRAIN_MIXES = 20
TEST_MIXES = 2
_CODES = {
    "OR": "outer_race", "IR": "inner_race", "BF": "ball",
    "BS": "bent_shaft", "MA": "misalignment", "IL": "unbalance", "mL": "unbalance",
}  # fmt: skip
# Codes of intact parts in the fields of a name.
_SOUND = ("GoB", "GS", "BaLo", "WA")


def rig(
    recordings: Path,
    levels_db: Sequence[float] = LEVELS_DB,
    seed: int = 0,
    *,
    train_mixes: int = TRAIN_MIXES,
    test_mixes: int = TEST_MIXES,
) -> list[DetectionSet]:
    """Make sets of the rig's first axis: the first second of its six intact conditions trains, all second ones test.

    Each condition is a single recording of two seconds: normal clips of the test continue those of training,
    and six normal recordings are too few to distinguish detectors. Every second is brought to the same level, so that
    loudness carries no label, and mixed into backgrounds as for the motors.

    Args:
        recordings: folder with ``rig/``, ``slider/`` and ``noise/``.
        levels_db: one set each: RMS of the rig over that of the background.
        seed: of the choice of excerpts.
        train_mixes: excerpts of each background for each training second.
        test_mixes: excerpts of each background for each test second.

    Raises:
        InputError: recordings are missing or cannot be read.
    """
    found = [(path, read_16k(path, channel=0)) for path in find_recordings(recordings / "rig")]
    halves = [(path, _half(sound, 0), _half(sound, 1)) for path, sound in found]
    first = [begin for path, begin, _ in halves if fault_of(path.stem) is None]
    require_parts(recordings / "rig", train=first, test=halves)
    chosen = mixtures(
        read_backgrounds(recordings, BACKGROUNDS),
        first,
        SAMPLE_RATE_HZ,
        np.random.default_rng([seed, 2]),
        train_mixes=train_mixes,
        test_mixes=test_mixes,
    )
    return [
        DetectionSet("rig", level_db, chosen.training(level_db), _test(chosen, halves, level_db))
        for level_db in levels_db
    ]


def fault_of(stem: str) -> str | None:
    """Return the kind of fault that a file's name states; None where all parts are intact.

    Example:
        >>> fault_of("anomaly_1200_HOR_GS_BaLo_WA_00lb"), fault_of("normal_1200_GoB_GS_BaLo_WA_00lb")
        ('outer_race', None)
    """
    parts = stem.split("_")[2:6]
    wrong = [part for part, sound in zip(parts, _SOUND, strict=False) if part != sound]
    return _CODES.get(wrong[0][-2:], wrong[0]) if wrong else None


def _half(sound: Samples, number: int) -> Samples:
    return to_unit_rms(sound[number * SAMPLE_RATE_HZ : (number + 1) * SAMPLE_RATE_HZ])


def _test(
    chosen: Mixtures, halves: Sequence[tuple[Path, Samples, Samples]], level_db: float
) -> list[LabelledClip]:
    """Mix the second second of every recording into every scene."""
    found = []
    for place, scene in chosen.scenes:
        for path, _, second in halves:
            fault = fault_of(path.stem)
            label: Label = "anomaly" if fault else "normal"
            found.append(LabelledClip(mix_at_level(second, scene, level_db), label, fault, path.stem, place))
    return found
