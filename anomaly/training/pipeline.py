"""Training run from a folder of recordings to a bundle, which is written only after it has been verified."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anomaly import atomic
from anomaly.bundle import Bundle, fingerprint, signing, versions, write_bundle
from anomaly.bundle.manifest import ManifestDraft
from anomaly.bundle.parts import ARCH, BITSTREAM, CALIBRATION, NETWORK, TEACHER
from anomaly.evaluate.layouts.layouts import Clip, read_layout
from anomaly.features.front_end import FrontEnd
from anomaly.progress import Report
from anomaly.student.distillation.accelerator import choose_device
from anomaly.training.clip_reading import FaultyRecording, ReadResult, read_clips
from anomaly.training.compile import Chip, read_chip
from anomaly.training.imported_teacher import ImportedTeacher, read_imported_teacher
from anomaly.training.model_artifacts import ModelArtifacts, build_artifacts
from anomaly.training.profiles import TrainingProfile, profile_named
from anomaly.training.reporting.page import PAGE, training_page
from anomaly.training.reporting.verdict import training_verdict
from anomaly.training.student_training import StudentConstraints
from anomaly.training.training_data import split_held_out
from anomaly.workspace import machine_name


@dataclass(frozen=True)
class TrainingRequest:
    """Request for one training run.

    Args:
        machine: name of the bundle.
        data: folder of recordings.
        models: folder of bundles.
        profile: ``fast``, ``standard`` or ``best``.
        level_normalise: subtract the loudness of the last seconds from every frame; None for the setting of an
            imported teacher's bundle, or off without one.
        seed: the same seed gives the same model on the same machine.
        arch: architecture name or YAML path.
        teacher: an exported teacher to distil from instead of training one.
        sign_key: PEM file with an Ed25519 private key.
        constraints: budget, accelerator and link of the student.
        weight_bits: bits of a weight instead of the architecture's.
        strict: stop at the first recording that cannot be read, instead of leaving it out.
    """

    machine: str
    data: Path
    models: Path
    profile: str = "standard"
    level_normalise: bool | None = None
    seed: int = 0
    arch: str = "senna"
    teacher: Path | None = None
    sign_key: Path | None = None
    constraints: StudentConstraints = field(default_factory=StudentConstraints)
    weight_bits: int | None = None
    strict: bool = False


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """A written bundle, its artifacts in memory, the seconds that training took, and the recordings left out."""

    bundle: Bundle
    artifacts: ModelArtifacts
    seconds: float
    faulty: tuple[FaultyRecording, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that ``train --json`` prints."""
        return {
            "bundle": str(self.bundle.path),
            "machine": self.bundle.manifest.machine,
            "fits": True,
            "verified": self.artifacts.metrics["verified"]["equal"],
            "neurons": self.artifacts.compiled.network.n_neurons,
            "synapses": self.artifacts.compiled.network.n_synapses,
            "routed": self.artifacts.metrics["chip"]["routed"],
            "seconds": round(self.seconds, 2),
            "verdict": training_verdict(self.bundle.manifest.machine, self.artifacts).to_dict(),
            "metrics": self.bundle.manifest.metrics,
            "left_out": [
                {"path": str(fault.path), "cause": fault.cause, "used_seconds": round(fault.used_s, 3)}
                for fault in self.faulty
            ],
        }


def train(
    request: TrainingRequest,
    *,
    report: Report = lambda _stage, _share: None,
    on_faulty: Callable[[FaultyRecording], None] = lambda _: None,
) -> TrainingResult:
    """Train, distil, compile, verify, calibrate and write one bundle.

    Args:
        request: the recordings, the machine and the settings.
        report: receives the progress.
        on_faulty: receives each recording that is left out or used in part, as soon as it was read.

    Raises:
        UsageError: there is no such profile or accelerator, the budget is too small for any student, or the imported
            teacher was trained with the other kind of levels.
        DeviceError: a GPU was requested and there is none.
        ConfigError: the machine's name, the key or the models folder cannot be used.
        InputError: the recordings cannot be used.
        ModelError: the imported teacher cannot be used, or verification failed.
        ChipError: the architecture is malformed, or the network does not fit it.
    """
    begun = time.perf_counter()
    setup = _setup(request)
    clips = read_layout(request.data).train
    reading = read_clips(
        clips, strict=request.strict, on_faulty=on_faulty, progress=lambda share: report("reading", share)
    )
    imported = setup.imported
    artifacts = build_artifacts(
        split_held_out(reading.blocks, where=request.data),
        setup.front_end,
        setup.profile,
        setup.chip,
        seed=request.seed,
        teacher=imported.onnx if imported else None,
        teacher_calibration=imported.calibration if imported else None,
        constraints=request.constraints,
        report=report,
    )
    bundle = _write(request, setup.front_end, clips, reading, artifacts)
    return TrainingResult(bundle, artifacts, time.perf_counter() - begun, reading.faulty)


@dataclass(frozen=True, eq=False)
class _Setup:
    """Settings of a request, read and checked before any recording is."""

    profile: TrainingProfile
    chip: Chip
    imported: ImportedTeacher | None
    front_end: FrontEnd


def _setup(request: TrainingRequest) -> _Setup:
    """Check what a request names: a long training must not end with an error that could be known before."""
    profile, chip = profile_named(request.profile), read_chip(request.arch, request.weight_bits)
    choose_device(request.constraints.accelerator)
    machine_name(request.machine)
    if request.sign_key is not None:
        signing.load_private(request.sign_key)
    imported = (
        None if request.teacher is None else read_imported_teacher(request.teacher, request.level_normalise)
    )
    front_end = imported.front_end if imported else FrontEnd(level_normalise=bool(request.level_normalise))
    atomic.check_writable(request.models, "--models")
    return _Setup(profile, chip, imported, front_end)


def _write(
    request: TrainingRequest,
    front_end: FrontEnd,
    clips: Sequence[Clip],
    reading: ReadResult,
    artifacts: ModelArtifacts,
) -> Bundle:
    draft = ManifestDraft(
        machine=request.machine,
        front_end=front_end.to_dict(),
        detectors=_detector_entries(artifacts, request),
        data_fingerprint=fingerprint.of_files(
            [clip.path for clip in clips], base=request.data, skip_unreadable=True
        ),
        code_fingerprint=fingerprint.of_code(),
        metrics={**artifacts.metrics, "silent_files": len(reading.silent)},
    )
    files = _files(request.machine, artifacts, reading)
    with versions.replacing(request.models, request.machine):
        return write_bundle(request.models / request.machine, draft, files, signing_key=request.sign_key)


def _detector_entries(artifacts: ModelArtifacts, request: TrainingRequest) -> dict[str, Any]:
    return {
        "student": {"arch": artifacts.chip.arch.name, "profile": request.profile, "seed": request.seed},
        "teacher": {"given": request.teacher is not None, "profile": request.profile, "seed": request.seed},
    }


def _files(machine: str, artifacts: ModelArtifacts, reading: ReadResult) -> dict[str, bytes]:
    calibration = {
        "encoder": artifacts.code.to_dict(),
        "student": artifacts.student.to_dict(),
        "teacher": artifacts.teacher.to_dict(),
        "operating": artifacts.operating.to_dict(),
    }
    if artifacts.sensor is not None:
        calibration["sensor"] = artifacts.sensor.to_dict()
    if artifacts.level is not None:
        calibration["level"] = artifacts.level.to_dict()
    if reading.formats is not None:
        calibration["formats"] = reading.formats.to_dict()
    return {
        TEACHER: artifacts.onnx,
        NETWORK: artifacts.circuit.to_network().to_npz(),
        BITSTREAM: artifacts.compiled.bitstream,
        ARCH: artifacts.chip.text,
        CALIBRATION: json.dumps(calibration, sort_keys=True).encode(),
        PAGE: training_page(machine, artifacts),
    }
