"""Training in memory, from normal sound to the artifacts of a model: teacher, student, compiled chip, calibrations."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from anomaly.audio.sensor.reference import SensorReference, fit_reference
from anomaly.detect.calibration.calibration import Calibration
from anomaly.detect.detectors.student import StudentDetector
from anomaly.detect.detectors.teacher import TeacherDetector
from anomaly.detect.operating.fit import learn_states
from anomaly.detect.operating.states import OperatingStates, second_spectra
from anomaly.errors import InputError
from anomaly.features.delta_encoder import DeltaCode
from anomaly.features.front_end import FrontEnd
from anomaly.features.level_reference import LevelReference, fit_level_reference
from anomaly.progress import Report
from anomaly.student.circuit import Circuit
from anomaly.student.closed_form.plan import ClosedFormPlan
from anomaly.student.distillation.distil import DistillationResult
from anomaly.teacher.phase_classifier import phase_classifier
from anomaly.teacher.signed_errors import signed_errors
from anomaly.training.compile import Chip, compile_circuit
from anomaly.training.detector_calibration import calibrate_detector
from anomaly.training.imported_teacher import check_matches_machine, check_predicts_machine
from anomaly.training.metrics import activity_metrics, chip_metrics, distillation_metrics, sound_metrics
from anomaly.training.profiles import TrainingProfile
from anomaly.training.reporting.neurobench import measure_complexity
from anomaly.training.student_cross_fit import cross_fitted_calibration
from anomaly.training.student_training import StudentConstraints, TrainedStudent, train_student
from anomaly.training.teacher_training import TrainedTeacher, phases_gain, train_teacher
from anomaly.training.training_data import TrainingData, block_segments
from chip.compiler import Compiled


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
    sensor: SensorReference | None
    level: LevelReference | None
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
    onnx = trained_teacher.onnx
    report("distilling", 0.0)
    trained_student = train_student(
        data,
        front_end,
        profile,
        chip,
        (TeacherDetector(onnx), trained_teacher.calibration.pooling),
        constraints or StudentConstraints(),
        phases=trained_teacher.phases,
        classifier=phase_classifier(onnx) if trained_teacher.phases else None,
        errors_of=partial(signed_errors, onnx),
        seed=seed,
        progress=lambda share: report("distilling", share),
    )
    return _compile_and_calibrate(
        data, front_end, chip, states, trained_teacher, trained_student, seed, report
    )


def _compile_and_calibrate(
    data: TrainingData,
    front_end: FrontEnd,
    chip: Chip,
    states: OperatingStates,
    teacher: TrainedTeacher,
    student: TrainedStudent,
    seed: int,
    report: Report,
) -> ModelArtifacts:
    """Compile and verify the student, calibrate what was decoded, and measure it."""
    report("compiling", 0.0)
    segments = block_segments(data.held_out, front_end)
    compiled, verified = compile_circuit(student.circuit, student.code, chip, segments)
    report("calibrating", 0.0)
    detector = StudentDetector(student.code, compiled.network, chip.arch.v_sat)
    calibration = _calibrate_student(
        detector, data, front_end, chip, states, teacher.onnx, student.plan, seed, report
    )
    report("calibrating", 1.0)
    sounds = [block.samples for block in (*data.training, *data.held_out)]
    metrics = {
        **sound_metrics(data, calibration),
        "verified": verified,
        "distillation": distillation_metrics(student.distilled, student.teaching),
        "robustness": student.robustness,
        "teacher": {"gain_nats": teacher.gain_nats, "phases_gain_nats": teacher.phases_gain_nats},
        "activity": activity_metrics(detector, chip, teacher.onnx),
        "chip": chip_metrics(compiled),
        "neurobench": measure_complexity(compiled.network, student.code, chip.arch, segments),
    }
    return ModelArtifacts(
        front_end=front_end,
        chip=chip,
        code=student.code,
        onnx=teacher.onnx,
        circuit=student.circuit,
        compiled=compiled,
        distilled=student.distilled,
        student=calibration,
        teacher=teacher.calibration,
        operating=states,
        sensor=fit_reference(sounds),
        level=None if front_end.level_normalise else fit_level_reference(sounds, front_end),
        metrics=metrics,
    )


def _calibrate_student(
    detector: StudentDetector,
    data: TrainingData,
    front_end: FrontEnd,
    chip: Chip,
    states: OperatingStates,
    onnx: bytes,
    plan: ClosedFormPlan | None,
    seed: int,
    report: Report,
) -> Calibration:
    """Calibrate the compiled student: on all recordings where its plan is known, else on held-out ones.

    The student runs on the held-out sound in both cases, which also measures its activity.
    """
    held_out = calibrate_detector(detector, "count", front_end, data.held_out, states)
    try:
        found = (
            None
            if plan is None
            else cross_fitted_calibration(
                (*data.training, *data.held_out),
                front_end,
                plan,
                chip,
                states,
                partial(signed_errors, onnx),
                seed=seed,
                progress=lambda share: report("calibrating", share),
            )
        )
    except InputError:
        return held_out  # too little sound for a fold
    return found or held_out


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
    check_predicts_machine(teacher, data, front_end)
    calibration = teacher_calibration or calibrate_detector(detector, "log", front_end, data.held_out, states)
    everything = (*data.training, *data.held_out)
    return TrainedTeacher(teacher, calibration, None, phases_gain(everything, front_end, profile, seed=seed))
