"""An existing teacher to distil from: its ONNX model, its calibration and the front end it was trained with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import compress
from pathlib import Path

from anomaly.bundle import MANIFEST_NAME, open_bundle
from anomaly.bundle.parts import CALIBRATION
from anomaly.detect.calibration.calibration import Calibration
from anomaly.detect.detectors.teacher import TeacherDetector
from anomaly.detect.operating.ramp import recording_decision_mask
from anomaly.detect.operating.states import OperatingStates, second_spectra
from anomaly.detect.scoring import recording_errors
from anomaly.errors import ModelError, UsageError
from anomaly.features.front_end import FrontEnd
from anomaly.teacher.predictive_gain import predictive_gain
from anomaly.training.training_data import TrainingBlock, TrainingData, block_segments

# Of the teacher's own machine 1 % of normal seconds have at most this p; of another machine nearly all have. More than
# half of the held-out seconds is taken as another machine.
_RARE_P, _MAX_RARE_SHARE = 0.01, 0.5
# Nats a band by which a teacher may predict worse than a linear predictor. Teachers of the same machine were within
# 0.01 of it (simulated pump, fan, gearbox, real slide rail), those of other machines or without training 1.2 to 6.2
# behind, and one that had learnt from 20 s of sound 0.5 to 3.3.
_MAX_NATS_BEHIND = 0.2


@dataclass(frozen=True, eq=False)
class ImportedTeacher:
    """A teacher to distil from.

    Args:
        onnx: the model's bytes.
        front_end: front end of its bundle; for a file outside a bundle the requested one.
        calibration: calibration in its bundle, on sound the teacher was not fitted on; None for a file outside a
            bundle.
    """

    onnx: bytes
    front_end: FrontEnd
    calibration: Calibration | None


def read_imported_teacher(path: Path, level_normalise: bool | None) -> ImportedTeacher:
    """Read a teacher, and its front end and calibration if it lies in a bundle.

    Args:
        path: a teacher.onnx, inside a bundle or not.
        level_normalise: requested level normalisation; None for the bundle's setting, or off without a bundle.

    Raises:
        ModelError: the teacher, or the bundle around it, cannot be used.
        UsageError: the request contradicts the bundle's level normalisation.
    """
    onnx = _model(path)
    front_end = _front_end(path, level_normalise)
    try:
        bands = TeacherDetector(onnx).bands
    except ModelError as error:
        raise ModelError(error.message, where=path, hint="give a teacher.onnx of a bundle") from error
    if bands != front_end.bands:
        raise ModelError(f"expects {bands} bands, the front end gives {front_end.bands}", where=path)
    return ImportedTeacher(onnx, front_end, _own_calibration(path))


def missing_calibration_notice(path: Path) -> str | None:
    """Notice for a teacher without a calibration beside it; None if it has one or the file does not exist."""
    if not path.is_file() or path.with_name(CALIBRATION).exists():
        return None
    return (
        f"{path}: no {CALIBRATION} lies beside it, so whether it knows this machine's sound cannot be checked; "
        "give the teacher.onnx inside a bundle to have it checked"
    )


def check_matches_machine(
    teacher: TeacherDetector,
    calibration: Calibration,
    front_end: FrontEnd,
    held_out: tuple[TrainingBlock, ...],
    states: OperatingStates,
) -> None:
    """Refuse a teacher to which this machine's normal sound is clearly not normal.

    Raises:
        ModelError: more than half of the held-out seconds are rare by its own calibration.
    """
    all_rare: list[bool] = []
    decided_rare: list[bool] = []
    for block in held_out:
        errors = recording_errors(block.samples, front_end, teacher)
        rare = [calibration.p_value(calibration.pooling.second(second).score) <= _RARE_P for second in errors]
        all_rare += rare
        decided_rare += compress(
            rare, recording_decision_mask(states, second_spectra(block.samples, front_end))
        )
    seconds = decided_rare or all_rare
    if sum(seconds) > _MAX_RARE_SHARE * len(seconds):
        raise ModelError(
            f"the teacher does not know this machine: {sum(seconds)} of {len(seconds)} held-out seconds of its normal "
            f"sound have p <= {_RARE_P:g} by the teacher's own calibration",
            where="--teacher",
            hint="give the teacher of this machine, check --data, or make a teacher with `anomaly train`",
        )


def check_predicts_machine(onnx: bytes, data: TrainingData, front_end: FrontEnd) -> None:
    """Refuse a teacher that predicts this machine's sound clearly worse than a predictor that needs no teacher.

    Args:
        onnx: the teacher; one that predicts no frames is not checked here.
        data: normal sound; its held-out part is predicted.
        front_end: front end of the teacher.

    Raises:
        ModelError: it does; the message has the figure.
    """
    training, held_out = (block_segments(part, front_end) for part in (data.training, data.held_out))
    gain = predictive_gain(onnx, training, held_out)
    if gain is not None and gain < -_MAX_NATS_BEHIND:
        raise ModelError(
            f"the teacher does not know this machine: it predicts held-out normal sound {-gain:.2f} nats a band worse "
            "than a linear predictor fitted to the training sound, and a trained teacher is no worse",
            where="--teacher",
            hint="give the trained teacher of this machine, check --data, or make one with `anomaly train`",
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
    state, option = (
        ("with", "--no-level-normalise") if own.level_normalise else ("without", "--level-normalise")
    )
    raise UsageError(
        f"the teacher in {bundle.path} was trained {state} level normalisation and works only so",
        where=option,
        hint="leave the option out, or train a teacher of the other kind with `anomaly train`",
    )


def _own_calibration(teacher: Path) -> Calibration | None:
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
