"""A bundle in memory: the front end and both detectors, ready to score."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from anomaly.audio.sensor.reference import SensorReference
from anomaly.bundle import Bundle
from anomaly.detect.calibration.calibration import Calibration
from anomaly.detect.detectors.detector import Detector
from anomaly.detect.detectors.student import StudentDetector
from anomaly.detect.detectors.teacher import TeacherDetector
from anomaly.detect.operating.states import OperatingStates
from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.detect.scoring import Scorer, recording_score
from anomaly.errors import ModelError
from anomaly.features.delta_encoder import DeltaCode
from anomaly.features.front_end import FrontEnd
from anomaly.features.mel import Samples
from chip.arch import ArchSpec, load_arch
from chip.bitstream import decode
from chip.errors import ChipError
from chip.network import Network

DetectorName = Literal["student", "teacher"]
DETECTORS: tuple[DetectorName, ...] = ("student", "teacher")
CALIBRATION, BITSTREAM, TEACHER, ARCH = "calibration.json", "network.bit", "teacher.onnx", "arch.yaml"
NETWORK = "network.npz"


@dataclass(frozen=True, eq=False)
class Model:
    """What a machine's bundle can do.

    Args:
        machine: its name.
        front_end: settings of the front end.
        student: scorer that runs the network decoded from the bitstream.
        teacher: scorer that runs the autoencoder; None where it was not wanted.
        arch: the chip.
        sensor: what the microphone heard in training; None in a bundle that does not say.
    """

    machine: str
    front_end: FrontEnd
    student: Scorer
    teacher: Scorer | None
    arch: ArchSpec
    sensor: SensorReference | None = None

    def scorer(self, detector: DetectorName = "student") -> Scorer:
        """The scorer of a detector.

        Raises:
            ModelError: the teacher was not loaded.
        """
        if detector == "student":
            return self.student
        if self.teacher is None:
            raise ModelError("was loaded without its teacher", where=self.machine)
        return self.teacher

    def score_clip(self, samples: Samples, *, detector: DetectorName = "student") -> float:
        """One score for a clip [n], float32, 16 kHz."""
        return recording_score(self.scorer(detector).recording(samples))


def load_model(bundle: Bundle, *, teacher: bool = True) -> Model:
    """Decode a bundle into something that scores.

    Args:
        bundle: the folder.
        teacher: whether it is wanted: what runs it takes some 25 MiB of memory, which a monitor has a better use for.

    Raises:
        ModelError: a part is unreadable or does not fit the others.
    """
    front_end = FrontEnd.from_dict(dict(bundle.manifest.front_end))
    calibration = _json(bundle)
    arch = _arch(bundle)
    try:
        network = decode(bundle.read(BITSTREAM), arch)
    except ChipError as error:
        raise ModelError(error.message, where=bundle.path / BITSTREAM, hint=error.hint) from error
    student = StudentDetector(read_code(calibration), network, arch.v_sat)
    # Read in any case: a bundle with a damaged file is not to be trusted.
    onnx = bundle.read(TEACHER)
    return Model(
        bundle.manifest.machine,
        front_end,
        _scorer(bundle, front_end, student, calibration),
        _scorer(bundle, front_end, TeacherDetector(onnx), calibration) if teacher else None,
        arch,
        None if calibration.get("sensor") is None else SensorReference.from_dict(calibration["sensor"]),
    )


def check_model(bundle: Bundle) -> None:
    """Make sure that a bundle runs, and that its bitstream is the network it says it trained.

    Raises:
        ModelError: a part is unreadable, does not fit the others, or the decoded network is another one.
    """
    decoded = load_model(bundle).student.detector
    try:
        trained = Network.from_npz(bundle.read(NETWORK))
    except ChipError as error:
        raise ModelError(error.message, where=bundle.path / NETWORK, hint=error.hint) from error
    difference = trained.difference(decoded.network) if isinstance(decoded, StudentDetector) else None
    if difference is not None:
        raise ModelError(
            f"decodes to another network than {NETWORK}: {difference}",
            where=bundle.path / BITSTREAM,
            hint="train again",
        )


def read_code(calibration: dict[str, Any]) -> DeltaCode:
    """The encoder's settings out of calibration.json.

    Raises:
        ModelError: they are missing or make no sense.
    """
    try:
        values = calibration["encoder"]
        mean, threshold = (np.array(values[k], dtype=np.int32) for k in ("mean", "threshold"))
        nearest = values.get("nearest", False)
        if not isinstance(nearest, bool):
            raise ValueError(f"nearest is {nearest!r}, not true or false")
        leak = values.get("leak", 0)
        if isinstance(leak, bool) or not isinstance(leak, int):
            raise ValueError(f"leak is {leak!r}, not a whole number")
        return DeltaCode(mean, threshold, int(values["micro_steps"]), nearest, leak)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelError(f"unreadable encoder: {error}", where=CALIBRATION) from error


def write_code(code: DeltaCode) -> dict[str, Any]:
    """The encoder's settings as plain values."""
    return {
        "mean": code.mean.tolist(),
        "threshold": code.threshold.tolist(),
        "micro_steps": code.micro_steps,
        "nearest": code.nearest,
        "leak": code.leak,
    }


def _json(bundle: Bundle) -> dict[str, Any]:
    try:
        values = json.loads(bundle.read(CALIBRATION))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"is no JSON: {error}", where=bundle.path / CALIBRATION) from error
    if not isinstance(values, dict):
        raise ModelError("is no JSON object", where=bundle.path / CALIBRATION)
    return values


# Counts of spikes and whitened errors are summarised each in their own way.
_SCALES = {"student": ("count", "root"), "teacher": ("log",)}


def _scorer(bundle: Bundle, front_end: FrontEnd, detector: Detector, values: dict[str, Any]) -> Scorer:
    """A detector with its part of calibration.json, if the three belong together."""
    part = values.get(detector.name)
    if not isinstance(part, dict):
        raise ModelError(f"holds nothing for the {detector.name}", where=bundle.path / CALIBRATION)
    calibration = Calibration.from_dict(part)
    calibrated = SUB_BAND_GROUPS * calibration.pooling.kinds
    if detector.bands != front_end.bands or detector.channels != calibrated:
        raise ModelError(
            f"the {detector.name} has {detector.bands} bands and {detector.channels} channels, the front end "
            f"{front_end.bands} and the calibration {calibrated}",
            where=bundle.path,
            hint="train again",
        )
    if calibration.pooling.scale not in _SCALES[detector.name]:
        raise ModelError(
            f"the {detector.name} is calibrated on the scale {calibration.pooling.scale!r}",
            where=bundle.path / CALIBRATION,
            hint="train again",
        )
    states = values.get("operating")
    if states is not None and not isinstance(states, dict):
        raise ModelError("the operating states are no object", where=bundle.path / CALIBRATION)
    return Scorer(
        front_end, detector, calibration, None if states is None else OperatingStates.from_dict(states)
    )


def _arch(bundle: Bundle) -> ArchSpec:
    bundle.read(ARCH)
    try:
        return load_arch(bundle.path / ARCH)
    except ChipError as error:
        raise ModelError(error.message, where=bundle.path / ARCH, hint=error.hint) from error
