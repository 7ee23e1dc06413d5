"""Training in memory, from normal sound to the artifacts of a model: teacher, student, compiled chip, calibrations."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from anomaly.detect.calibration.calibration import Calibration
from anomaly.detect.calibration.uniformity import cross_validated_uniformity
from anomaly.detect.detectors.student import StudentDetector
from anomaly.detect.detectors.teacher import TeacherDetector
from anomaly.detect.operating.fit import learn_states
from anomaly.detect.operating.states import OperatingStates, second_spectra
from anomaly.features.delta_encoder import DeltaCode
from anomaly.features.front_end import FrontEnd
from anomaly.features.mel import HOP_S
from anomaly.progress import Report
from anomaly.student.circuit import Circuit
from anomaly.student.distillation.distil import DistillationResult
from anomaly.teacher.export import macs_per_frame
from anomaly.teacher.phase_classifier import phase_classifier
from anomaly.training.compile import Chip, compile_circuit
from anomaly.training.detector_calibration import calibrate_detector
from anomaly.training.imported_teacher import check_matches_machine
from anomaly.training.profiles import TrainingProfile
from anomaly.training.reporting.neurobench import measure_complexity
from anomaly.training.student_training import StudentConstraints, train_student
from anomaly.training.teacher_training import TrainedTeacher, phases_gain, train_teacher
from anomaly.training.training_data import TrainingData, block_segments
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


@dataclass(frozen=True, eq=False)
class ModelArtifacts:
    """Artifacts of one trained model, before they are written to a bundle."""

    front_end: FrontEnd
    chip: Chip
    code: DeltaCode
    onnx: bytes
    circuit: Circuit
    compiled: Compiled
    distilled: DistillationResult | None
    student: Calibration
    teacher: Calibration
    operating: OperatingStates
    metrics: dict[str, Any]


def build_artifacts(
    data: TrainingData,
    front_end: FrontEnd,
    profile: TrainingProfile,
    chip: Chip,
    *,
    seed: int,
    teacher: bytes | None = None,
    teacher_calibration: Calibration | None = None,
    constraints: StudentConstraints | None = None,
    report: Report = lambda _stage, _share: None,
) -> ModelArtifacts:
    """Train teacher and student, compile, verify and calibrate, without touching a file.

    Args:
        data: normal sound, split into training and held-out part.
        front_end: front end of both detectors.
        profile: training effort.
        chip: architecture that the student must fit.
        seed: the same seed gives the same artifacts on the same machine.
        teacher: an exported teacher to distil from instead of training one.
        teacher_calibration: calibration of that teacher; by default made on the held-out sound, which is optimistic
            for a teacher that was trained on it.
        constraints: budget, accelerator and link of the student; no limits by default.
        report: receives each stage and the share of it that is done.

    Raises:
        UsageError: the budget is too small for any student.
        DeviceError: a GPU was requested and there is none.
        ModelError: the exported teacher does not agree with torch, the imported one does not match this machine's
            sound, or verification failed.
        FitError: the student does not fit the chip.
    """
    everything = (*data.training, *data.held_out)
    states = learn_states([second_spectra(block.samples, front_end) for block in everything])
    if teacher is None:
        trained_teacher = train_teacher(data, front_end, profile, seed=seed, states=states, report=report)
    else:
        trained_teacher = _imported_teacher(
            teacher, teacher_calibration, front_end, profile, data, states, seed
        )
    onnx, teacher_calibration = trained_teacher.onnx, trained_teacher.calibration
    report("distilling", 0.0)
    trained_student = train_student(
        data,
        front_end,
        profile,
        chip,
        (TeacherDetector(onnx), teacher_calibration.pooling),
        constraints or StudentConstraints(),
        phases=trained_teacher.phases,
        classifier=phase_classifier(onnx) if trained_teacher.phases else None,
        seed=seed,
        progress=lambda share: report("distilling", share),
    )
    code, circuit, distilled = trained_student.code, trained_student.circuit, trained_student.distilled
    report("compiling", 0.0)
    held_out_segments = block_segments(data.held_out, front_end)
    compiled, verified = compile_circuit(circuit, code, chip, held_out_segments)
    report("calibrating", 0.0)
    student = StudentDetector(code, compiled.network, chip.arch.v_sat)
    calibration = calibrate_detector(student, "count", front_end, data.held_out, states)
    report("calibrating", 1.0)
    metrics = _sound_metrics(data, calibration) | {
        "verified": verified,
        "distillation": _distillation_metrics(distilled),
        "robustness": trained_student.robustness,
        "teacher": {
            "gain_nats": trained_teacher.gain_nats,
            "phases_gain_nats": trained_teacher.phases_gain_nats,
        },
        "activity": _activity_metrics(student, chip, onnx),
        "chip": {key: compiled.report[key] for key in _CHIP_FIGURES},
        "neurobench": measure_complexity(compiled.network, code, chip.arch, held_out_segments),
    }
    return ModelArtifacts(
        front_end,
        chip,
        code,
        onnx,
        circuit,
        compiled,
        distilled,
        calibration,
        teacher_calibration,
        states,
        metrics,
    )


def _imported_teacher(
    teacher: bytes,
    teacher_calibration: Calibration | None,
    front_end: FrontEnd,
    profile: TrainingProfile,
    data: TrainingData,
    states: OperatingStates,
    seed: int,
) -> TrainedTeacher:
    """An exported teacher with its calibration, refused if it does not match this machine's sound."""
    detector = TeacherDetector(teacher)
    if teacher_calibration is not None:
        check_matches_machine(detector, teacher_calibration, front_end, data.held_out, states)
    calibration = teacher_calibration or calibrate_detector(detector, "log", front_end, data.held_out, states)
    everything = (*data.training, *data.held_out)
    return TrainedTeacher(teacher, calibration, None, phases_gain(everything, front_end, profile, seed=seed))


def _sound_metrics(data: TrainingData, calibration: Calibration) -> dict[str, Any]:
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


def _distillation_metrics(distilled: DistillationResult | None) -> dict[str, Any]:
    if distilled is None:
        return {"ran": False}
    return {
        "ran": True,
        "lead": distilled.gap,
        "trained": distilled.trained,
        "kept_because": distilled.kept_because,
        "kept_start": distilled.kept_start,
        "phases": distilled.phases,
        "lead_left": distilled.gap_left,
        "start_criterion": distilled.start_criterion,
        "trained_criterion": distilled.trained_criterion,
    }


def _activity_metrics(student: StudentDetector, chip: Chip, onnx: bytes) -> dict[str, Any]:
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
