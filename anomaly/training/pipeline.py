"""One training from a folder of recordings to a bundle: nothing is written until all of it is verified."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from anomaly import fingerprint, signing
from anomaly.bundle import Bundle, write_bundle
from anomaly.detect.calibration import Calibration, calibrate
from anomaly.detect.detector import Detector
from anomaly.detect.model import ARCH, BITSTREAM, CALIBRATION, TEACHER, write_code
from anomaly.detect.pooling import Scale, fit_pooling
from anomaly.detect.scoring import recording_errors
from anomaly.detect.student import StudentDetector
from anomaly.detect.teacher import TeacherDetector
from anomaly.evaluate.layouts import read_layout
from anomaly.features.delta import DeltaCode
from anomaly.features.front_end import FrontEnd
from anomaly.features.mel import HOP_S
from anomaly.manifest import Draft
from anomaly.progress import Report
from anomaly.student.circuit import Circuit
from anomaly.student.closed_form import closed_form, delta_code
from anomaly.student.distil import Distilled, Setting, distil
from anomaly.teacher.augment import augment
from anomaly.teacher.export import macs_per_frame, to_onnx
from anomaly.teacher.fit import fit_teacher
from anomaly.training.compile import Chip, compile_circuit, read_chip
from anomaly.training.material import Block, Material, block_segments, read_clips, sample_segments, split
from anomaly.training.profiles import Profile, profile
from anomaly.workspace import machine_name
from chip.compiler import Compiled
from chip.cost import cost


@dataclass(frozen=True)
class TrainingRequest:
    """What to train.

    Args:
        machine: name of the bundle.
        data: folder of recordings.
        models: folder of bundles.
        profile: ``fast``, ``standard`` or ``best``.
        level_normalise: take the loudness of the last seconds off every frame.
        seed: the same seed gives the same model on the same machine.
        arch: architecture name or YAML path.
        teacher: an exported teacher to distil from instead of training one.
        sign_key: PEM file with an Ed25519 private key.
    """

    machine: str
    data: Path
    models: Path
    profile: str = "standard"
    level_normalise: bool = False
    seed: int = 0
    arch: str = "senna"
    teacher: Path | None = None
    sign_key: Path | None = None


@dataclass(frozen=True, eq=False)
class Parts:
    """Everything a model consists of, before it is written down."""

    front_end: FrontEnd
    chip: Chip
    code: DeltaCode
    onnx: bytes
    circuit: Circuit
    compiled: Compiled
    distilled: Distilled | None
    student: Calibration
    teacher: Calibration
    metrics: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Trained:
    """A written bundle and what training it found."""

    bundle: Bundle
    parts: Parts
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """The result of ``train --json``."""
        return {
            "bundle": str(self.bundle.path),
            "machine": self.bundle.manifest.machine,
            "fits": True,
            "verified": self.parts.metrics["verified"]["equal"],
            "neurons": self.parts.compiled.network.n_neurons,
            "synapses": self.parts.compiled.network.n_synapses,
            "seconds": round(self.seconds, 2),
            "metrics": self.bundle.manifest.metrics,
        }


def train(request: TrainingRequest, *, report: Report = lambda _stage, _share: None) -> Trained:
    """Train, distil, compile, verify, calibrate and write one bundle.

    Raises:
        UsageError: there is no such profile.
        ConfigError: the machine's name, the key or the models folder cannot be used.
        InputError: the recordings cannot be used.
        ModelError: the given teacher cannot be used, or verification failed.
        ChipError: the architecture is malformed, or the network does not fit it.
    """
    begun = time.perf_counter()
    chosen, chip = profile(request.profile), read_chip(request.arch)
    machine_name(request.machine)
    if request.sign_key is not None:
        signing.load_private(request.sign_key)
    given = None if request.teacher is None else _given_teacher(request.teacher)
    data = read_layout(request.data)
    clips = data.train
    reading = read_clips(clips, progress=lambda share: report("reading", share))
    material = split(reading.blocks, where=request.data)
    front_end = FrontEnd(level_normalise=request.level_normalise)
    parts = build(material, front_end, chosen, chip, seed=request.seed, teacher=given, report=report)
    draft = Draft(
        machine=request.machine,
        front_end=front_end.to_dict(),
        detectors=_described(parts, request),
        data_fingerprint=fingerprint.of_files([clip.path for clip in clips], base=request.data),
        code_fingerprint=fingerprint.of_code(),
        metrics={**parts.metrics, "silent_files": len(reading.silent)},
    )
    bundle = write_bundle(
        request.models / request.machine, draft, _files(parts), signing_key=request.sign_key
    )
    return Trained(bundle, parts, time.perf_counter() - begun)


def build(
    material: Material,
    front_end: FrontEnd,
    chosen: Profile,
    chip: Chip,
    *,
    seed: int,
    teacher: bytes | None = None,
    report: Report = lambda _stage, _share: None,
) -> Parts:
    """All of training but the files."""
    training = block_segments(material.training, front_end)
    held_out = block_segments(material.held_out, front_end)
    onnx = teacher or _train_teacher(material, training, front_end, chosen, seed, report)
    teacher_detector = TeacherDetector(onnx)
    teacher_calibration = calibrated(teacher_detector, "log", front_end, material.held_out)
    code = delta_code(training, chosen.closed_form)
    report("distilling", 0.0)
    start = closed_form(training, held_out, code, chosen.closed_form, chip.limits)
    distilled = None
    if chosen.distil is not None:
        distilled = distil(
            start,
            Setting(front_end, code, chip.limits, teacher_detector, teacher_calibration.pooling),
            [block.samples for block in material.training],
            [block.samples for block in material.held_out],
            chosen.distil,
            seed=seed,
            progress=lambda share: report("distilling", share),
        )
    circuit = start if distilled is None else distilled.circuit
    report("compiling", 0.0)
    compiled, verified = compile_circuit(circuit, code, chip, held_out)
    report("calibrating", 0.0)
    student_detector = StudentDetector(code, compiled.network, chip.arch.v_sat)
    student_calibration = calibrated(student_detector, "root", front_end, material.held_out)
    report("calibrating", 1.0)
    metrics = {
        "training_seconds": material.seconds,
        "held_out_seconds": sum(block.seconds for block in material.held_out),
        "held_out_recordings": student_calibration.recordings,
        "supported_p": student_calibration.supported_p,
        "verified": verified,
        "distillation": _distillation(distilled),
        "activity": _activity(student_detector, chip, onnx),
    }
    return Parts(
        front_end,
        chip,
        code,
        onnx,
        circuit,
        compiled,
        distilled,
        student_calibration,
        teacher_calibration,
        metrics,
    )


def _train_teacher(
    material: Material, training: list[Any], front_end: FrontEnd, chosen: Profile, seed: int, report: Report
) -> bytes:
    rng = np.random.default_rng([seed, 3])
    segments = list(training)
    for _ in range(chosen.augmented):
        for block in material.training:
            segments += sample_segments(augment(block.samples, rng), front_end)
    report("teaching", 0.0)
    return to_onnx(
        fit_teacher(segments, chosen.teacher, seed=seed, progress=lambda share: report("teaching", share))
    )


def calibrated(
    detector: Detector, scale: Scale, front_end: FrontEnd, held_out: tuple[Block, ...]
) -> Calibration:
    """Standardise and calibrate a detector on held-out normal sound."""
    errors = [recording_errors(block.samples, front_end, detector) for block in held_out]
    pooling = fit_pooling([second for recording in errors for second in recording], scale)
    return calibrate(pooling, [[pooling.second(s).score for s in recording] for recording in errors])


def _given_teacher(path: Path) -> bytes:
    from anomaly.errors import ModelError

    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"cannot be read: {error.strerror}", where=path, hint="give a teacher.onnx"
        ) from error
    TeacherDetector(data)
    return data


def _distillation(distilled: Distilled | None) -> dict[str, Any]:
    if distilled is None:
        return {"ran": False}
    return {
        "ran": True,
        "kept_start": distilled.kept_start,
        "start_criterion": distilled.start_criterion,
        "trained_criterion": distilled.trained_criterion,
    }


def _activity(student: StudentDetector, chip: Chip, onnx: bytes) -> dict[str, Any]:
    done = student.activity
    seconds = done.steps * HOP_S / student.micro_steps
    energy = cost(chip.arch, done.steps, done.sop, done.spikes, seconds).to_dict()
    return {
        "sop_per_s": done.sop / seconds,
        "spikes_per_s": done.spikes / seconds,
        "saturations": done.saturations,
        "teacher_macs_per_s": macs_per_frame(onnx) / HOP_S,
        "energy": energy,
    }


def _described(parts: Parts, request: TrainingRequest) -> dict[str, Any]:
    return {
        "student": {"arch": parts.chip.arch.name, "profile": request.profile, "seed": request.seed},
        "teacher": {"given": request.teacher is not None, "profile": request.profile, "seed": request.seed},
    }


def _files(parts: Parts) -> dict[str, bytes]:
    calibration = {
        "encoder": write_code(parts.code),
        "student": parts.student.to_dict(),
        "teacher": parts.teacher.to_dict(),
    }
    return {
        TEACHER: parts.onnx,
        "network.npz": parts.circuit.to_network().to_npz(),
        BITSTREAM: parts.compiled.bitstream,
        ARCH: parts.chip.text,
        CALIBRATION: json.dumps(calibration, sort_keys=True).encode(),
    }
