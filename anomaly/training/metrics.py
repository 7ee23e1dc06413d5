"""Metrics of a training for the manifest of its bundle: sound, distillation, activity and chip."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from anomaly.detect.calibration.calibration import Calibration
from anomaly.detect.calibration.uniformity import cross_validated_uniformity
from anomaly.detect.detectors.student import StudentDetector
from anomaly.features.mel import HOP_S
from anomaly.student.distillation.distil import DistillationResult
from anomaly.teacher.export import macs_per_frame
from anomaly.training.compile import Chip
from anomaly.training.student_training import Teaching
from anomaly.training.training_data import TrainingData
from chip.compiler import Compiled
from chip.run_cost import cost

_CHIP_FIGURES = (
    "routed",
    "channel_width",
    "min_channel_width",
    "wirelength",
    "activity_wirelength",
    "latency_s",
    "bitstream_bytes",
)


def sound_metrics(data: TrainingData, calibration: Calibration) -> dict[str, Any]:
    """Seconds, held-out recordings, supported rates, tail and uniformity of a calibration."""
    uniformity = cross_validated_uniformity(calibration)
    return {
        "training_seconds": data.seconds,
        "held_out_seconds": sum(block.seconds for block in data.held_out),
        "held_out_recordings": calibration.recordings,
        "supported_p": calibration.supported_p,
        "supported_per_day": calibration.supported_per_day,
        "tail": calibration.tail.kind,
        "uniformity": None if uniformity is None else asdict(uniformity),
    }


def distillation_metrics(
    distilled: DistillationResult | None, teaching: Teaching | None = None
) -> dict[str, Any]:
    """Agreement of the student's errors with the teacher's, and the outcome of training by gradients.

    ``ran`` is about gradients, and false where the profile has none.
    """
    taught = {
        "agreement": None if teaching is None else teaching.taught,
        "agreement_alone": None if teaching is None else teaching.alone,
    }
    if distilled is None:
        return {"ran": False, **taught}
    return {
        "ran": True,
        **taught,
        "lead": distilled.gap,
        "trained": distilled.trained,
        "kept_because": distilled.kept_because,
        "kept_start": distilled.kept_start,
        "phases": distilled.phases,
        "lead_left": distilled.gap_left,
        "start_criterion": distilled.start_criterion,
        "trained_criterion": distilled.trained_criterion,
    }


def activity_metrics(student: StudentDetector, chip: Chip, onnx: bytes) -> dict[str, Any]:
    """Activity and energy per second of the sound that a student was calibrated on."""
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


def chip_metrics(compiled: Compiled) -> dict[str, Any]:
    """Figures of placement, routing and bitstream."""
    return {key: compiled.report[key] for key in _CHIP_FIGURES}
