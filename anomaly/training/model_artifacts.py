"""From normal sound to everything a model consists of, in memory: teacher, student, chip, calibration."""

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
from anomaly.training.complexity import complexity
from anomaly.training.detector_calibration import calibrated
from anomaly.training.imported_teacher import check_belongs
from anomaly.training.profiles import TrainingProfile
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
    """Everything a model consists of, before it is written down."""

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
    material: TrainingData,
    front_end: FrontEnd,
    chosen: TrainingProfile,
    chip: Chip,
    *,
    seed: int,
    teacher: bytes | None = None,
    judged: Calibration | None = None,
    order: StudentConstraints | None = None,
    report: Report = lambda _stage, _share: None,
) -> ModelArtifacts:
    """All of training but the files.

    Args:
        material: normal sound, split.
        front_end, chosen, chip: how to listen, how much effort, where the student must fit.
        seed: the same seed gives the same parts on the same machine.
        teacher: an exported teacher to distil from instead of training one.
        judged: what normal sound scores with it; by default what the held-out sound does, which flatters a teacher
            that was trained on it.
        order: budget, accelerator and link of the student; no limits by default.
        report: told each stage and the share of it that is done.

    Raises:
        UsageError: the budget is too small for any student.
        DeviceError: there is no GPU, and one was asked for.
        ModelError: the exported teacher does not agree with torch, the given one does not know this machine's sound,
            or verification failed.
        FitError: the student does not fit the chip.
    """
    everything = (*material.training, *material.held_out)
    states = learn_states([second_spectra(block.samples, front_end) for block in everything])
    if teacher is None:
        taught = train_teacher(material, front_end, chosen, seed=seed, states=states, report=report)
    else:
        taught = _given(teacher, judged, front_end, chosen, material, states, seed)
    onnx, judged = taught.onnx, taught.calibration
    report("distilling", 0.0)
    learned = train_student(
        material,
        front_end,
        chosen,
        chip,
        (TeacherDetector(onnx), judged.pooling),
        order or StudentConstraints(),
        phases=taught.phases,
        teller=phase_classifier(onnx) if taught.phases else None,
        seed=seed,
        progress=lambda share: report("distilling", share),
    )
    code, circuit, distilled = learned.code, learned.circuit, learned.distilled
    report("compiling", 0.0)
    calm = block_segments(material.held_out, front_end)
    compiled, verified = compile_circuit(circuit, code, chip, calm)
    report("calibrating", 0.0)
    product = StudentDetector(code, compiled.network, chip.arch.v_sat)
    calibration = calibrated(product, "count", front_end, material.held_out, states)
    report("calibrating", 1.0)
    metrics = _sound(material, calibration) | {
        "verified": verified,
        "distillation": _distillation(distilled),
        "robustness": learned.robustness,
        "teacher": {"gain_nats": taught.gain_nats, "phases_gain_nats": taught.phases_gain_nats},
        "activity": _activity(product, chip, onnx),
        "chip": {key: compiled.report[key] for key in _CHIP_FIGURES},
        "neurobench": complexity(compiled.network, code, chip.arch, calm),
    }
    return ModelArtifacts(
        front_end, chip, code, onnx, circuit, compiled, distilled, calibration, judged, states, metrics
    )


def _given(
    teacher: bytes,
    judged: Calibration | None,
    front_end: FrontEnd,
    chosen: TrainingProfile,
    material: TrainingData,
    states: OperatingStates,
    seed: int,
) -> TrainedTeacher:
    """A teacher that exists, if it knows this machine's sound."""
    detector = TeacherDetector(teacher)
    if judged is not None:
        check_belongs(detector, judged, front_end, material.held_out, states)
    own = judged or calibrated(detector, "log", front_end, material.held_out, states)
    everything = (*material.training, *material.held_out)
    return TrainedTeacher(teacher, own, None, phases_gain(everything, front_end, chosen, seed=seed))


def _sound(material: TrainingData, calibration: Calibration) -> dict[str, Any]:
    unseen = cross_validated_uniformity(calibration)
    return {
        "training_seconds": material.seconds,
        "held_out_seconds": sum(block.seconds for block in material.held_out),
        "held_out_recordings": calibration.recordings,
        "supported_p": calibration.supported_p,
        "supported_per_day": calibration.supported_per_day,
        "tail": calibration.tail.kind,
        "uniformity": None if unseen is None else asdict(unseen),
    }


def _distillation(distilled: DistillationResult | None) -> dict[str, Any]:
    if distilled is None:
        return {"ran": False}
    return {
        "ran": True,
        "lead": distilled.lead,
        "trained": distilled.trained,
        "kept_because": distilled.kept_because,
        "kept_start": distilled.kept_start,
        "phases": distilled.phases,
        "lead_left": distilled.lead_left,
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
