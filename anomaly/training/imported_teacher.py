"""A teacher that exists: its model, what normal sound scores with it, and the front end it was trained behind."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import compress
from pathlib import Path

from anomaly.bundle import MANIFEST_NAME, open_bundle
from anomaly.detect.calibration.calibration import Calibration
from anomaly.detect.decision_mask import recording_decision_mask
from anomaly.detect.detectors.teacher import TeacherDetector
from anomaly.detect.model import CALIBRATION
from anomaly.detect.operating.states import OperatingStates, second_spectra
from anomaly.detect.scoring import recording_errors
from anomaly.errors import ModelError, UsageError
from anomaly.features.front_end import FrontEnd
from anomaly.training.training_data import TrainingBlock

# Normal sound of the teacher's own machine has 1 % of its seconds this rare; of another machine, nearly all.
_RARE_P, _MOST_RARE = 0.01, 0.5


@dataclass(frozen=True, eq=False)
class ImportedTeacher:
    """A teacher to distil from.

    Args:
        onnx: the model's bytes.
        front_end: the one of its bundle; as was asked for where it stands alone.
        judged: the calibration beside it, which rests on sound the teacher was not fitted on; None where it stands
            alone.
    """

    onnx: bytes
    front_end: FrontEnd
    judged: Calibration | None


def read_imported_teacher(path: Path, level_normalise: bool | None) -> ImportedTeacher:
    """Read a teacher and what lies beside it in its bundle.

    Args:
        path: a teacher.onnx, of a bundle or alone.
        level_normalise: whether levels are to be normalised; None for what the bundle says, and off without one.

    Raises:
        ModelError: the teacher, or the bundle around it, cannot be used.
        UsageError: the bundle says otherwise about levels.
    """
    onnx = _model(path)
    front_end = _front_end(path, level_normalise)
    try:
        bands = TeacherDetector(onnx).bands
    except ModelError as error:
        raise ModelError(error.message, where=path, hint="give a teacher.onnx of a bundle") from error
    if bands != front_end.bands:
        raise ModelError(f"expects {bands} bands, the front end gives {front_end.bands}", where=path)
    return ImportedTeacher(onnx, front_end, _judged_before(path))


def cannot_be_judged(path: Path) -> str | None:
    """What to tell of a teacher that stands without a calibration; None if it has one or is not there."""
    if not path.is_file() or path.with_name(CALIBRATION).exists():
        return None
    return (
        f"{path}: no {CALIBRATION} lies beside it, so whether it knows this machine's sound cannot be checked; "
        "give the teacher.onnx inside a bundle to have it checked"
    )


def check_belongs(
    teacher: TeacherDetector,
    judged: Calibration,
    front_end: FrontEnd,
    held_out: tuple[TrainingBlock, ...],
    states: OperatingStates,
) -> None:
    """Refuse a teacher for which normal sound is clearly not normal.

    Raises:
        ModelError: more than half of the held-out seconds are rare by its own calibration.
    """
    every: list[bool] = []
    decided: list[bool] = []
    for block in held_out:
        errors = recording_errors(block.samples, front_end, teacher)
        rare = [judged.p_value(judged.pooling.second(second).score) <= _RARE_P for second in errors]
        every += rare
        decided += compress(rare, recording_decision_mask(states, second_spectra(block.samples, front_end)))
    seconds = decided or every
    if sum(seconds) > _MOST_RARE * len(seconds):
        raise ModelError(
            f"the teacher does not know this machine: {sum(seconds)} of {len(seconds)} held-out seconds of its normal "
            f"sound have p <= {_RARE_P:g} by the teacher's own calibration",
            where="--teacher",
            hint="give the teacher of this machine, check --data, or make a teacher with `anomaly train`",
        )


def _model(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"cannot be read: {error.strerror}", where=path, hint="give a teacher.onnx"
        ) from error


def _front_end(teacher: Path, level_normalise: bool | None) -> FrontEnd:
    if not teacher.with_name(MANIFEST_NAME).is_file():
        return FrontEnd(level_normalise=bool(level_normalise))
    bundle = open_bundle(teacher.parent)
    own = FrontEnd.from_dict(bundle.manifest.front_end)
    if level_normalise is None or level_normalise == own.level_normalise:
        return own
    has, asked = ("with", "--no-level-normalise") if own.level_normalise else ("without", "--level-normalise")
    raise UsageError(
        f"the teacher in {bundle.path} was trained {has} level normalisation, and hears nothing else",
        where=asked,
        hint="leave the option out, or train a teacher of the other kind with `anomaly train`",
    )


def _judged_before(teacher: Path) -> Calibration | None:
    beside = teacher.with_name(CALIBRATION)
    try:
        return Calibration.from_dict(json.loads(beside.read_text("utf-8"))["teacher"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"cannot be read: {error}",
            where=beside,
            hint="give the teacher.onnx of a whole bundle, or one that stands alone",
        ) from error
