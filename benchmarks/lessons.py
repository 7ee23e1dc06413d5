"""One training of the distillation benchmark: its sound, what comes of it, and where that is kept."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from harness import HERE, STUDENT, product_code
from heard import Ear
from trainings import read, write

from anomaly import atomic
from anomaly.detect.detectors.detector import Detector
from anomaly.detect.detectors.student import StudentDetector
from anomaly.detect.pooling import Pooling, Scale
from anomaly.errors import ModelError
from anomaly.evaluate.bench.clips import Samples
from anomaly.evaluate.bench.rounds import Score
from anomaly.features.delta_encoder import DeltaCode
from anomaly.features.front_end import FrontEnd
from anomaly.features.mel import Centibels
from anomaly.student.budget import Budget
from anomaly.student.circuit import Circuit
from anomaly.student.closed_form.closed_form import delta_code
from anomaly.student.closed_form.plan import ClosedFormPlan
from anomaly.student.closed_form.wire_aware import wire_aware_closed_form
from anomaly.training.compile import Chip, read_chip
from anomaly.training.model_artifacts import ModelArtifacts, build_artifacts
from anomaly.training.profiles import TrainingProfile
from anomaly.training.profiles import profile as profile_named
from anomaly.training.student_start import StudentStart, choose_start, use_of
from anomaly.training.student_training import StudentConstraints, start_judge
from anomaly.training.teacher_training import clear, phases_gain
from anomaly.training.training_data import TrainingData, block_segments, cut, split
from chip.sim.imperfection import Imperfection

Facts = dict[str, float]


@dataclass(frozen=True, eq=False)
class Trained:
    """What a training made that other parts of the benchmark build upon.

    Args:
        onnx, teacher: the teacher and its pooling.
        code, circuit, pooling: the distilled student.
        start_code, start_circuit: the closed form that it began as.
        facts: what was measured.
    """

    onnx: bytes
    teacher: Pooling
    code: DeltaCode
    circuit: Circuit
    pooling: Pooling
    start_code: DeltaCode
    start_circuit: Circuit
    facts: Facts


class Lesson:
    """Normal sound to learn from, as the product splits it.

    Args:
        clips: normal sound, float32, 16 kHz.
        seed: of everything that is drawn.
        profile: of training, by name.
    """

    def __init__(self, clips: Sequence[Samples], seed: int, profile: str) -> None:
        self.clips, self.seed, self.profile_name = clips, seed, profile
        self.front_end, self.chip = FrontEnd(), read_chip("senna")
        self.ear = Ear(self.front_end)
        blocks = [block for n, clip in enumerate(clips) for block in cut(clip, f"clip {n:05d}")]
        self.material: TrainingData = split(blocks)

    @property
    def profile(self) -> TrainingProfile:
        """Of the training, without its trial on imperfect chips: the bench makes one of its own."""
        return replace(profile_named(self.profile_name), chips=0)

    @property
    def plan(self) -> ClosedFormPlan:
        """Of the closed form, as the product takes it for this machine."""
        return StudentConstraints().plan(self.profile.closed_form, phases=self.phases)

    @cached_property
    def phases(self) -> bool:
        """Whether the machine's cycle has phases, as the product decides it."""
        everything = (*self.material.training, *self.material.held_out)
        return clear(phases_gain(everything, self.front_end, self.profile, seed=self.seed))

    @cached_property
    def training(self) -> list[Centibels]:
        """Levels of the sound that weights are fitted on."""
        return block_segments(self.material.training, self.front_end)

    @cached_property
    def held_out(self) -> list[Centibels]:
        """Levels of the sound that thresholds and standardisation rest on."""
        return block_segments(self.material.held_out, self.front_end)

    @cached_property
    def _calm(self) -> list[Samples]:
        return [block.samples for block in self.material.held_out]

    def start(self) -> StudentStart:
        """The student in closed form that the product begins with."""
        judge = start_judge(self.material, self.front_end, self.chip, seed=self.seed)
        return choose_start(self.training, self.held_out, self.plan, self.chip, Budget(), judge)

    def by_plan(self, plan: ClosedFormPlan | None = None, chip: Chip | None = None) -> StudentStart:
        """A student in closed form that is built by this very plan, without a choice."""
        on = chip or self.chip
        plan = (plan or self.plan).on(on.limits)
        code = delta_code(self.training, plan)
        given = (code, plan, on.limits, on.arch)
        return StudentStart(*wire_aware_closed_form(self.training, self.held_out, *given), plan)

    def build_artifacts(self, chip: Chip | None = None, **order: Any) -> tuple[ModelArtifacts, Facts]:
        """The product's training, and the seconds it took, on the clock and of a processor."""
        begun, begun_cpu = time.perf_counter(), time.process_time()
        parts = build_artifacts(
            self.material, self.front_end, self.profile, chip or self.chip, seed=self.seed, **order
        )
        taken = {
            "train_seconds": time.perf_counter() - begun,
            "train_cpu_seconds": time.process_time() - begun_cpu,
        }
        return parts, taken

    def detector(
        self,
        code: DeltaCode,
        circuit: Circuit,
        *,
        imperfection: Imperfection | None = None,
        chip: int = 0,
    ) -> StudentDetector:
        """A student that can hear."""
        v_sat = self.chip.limits.v_sat
        return StudentDetector(code, circuit.to_network(), v_sat, imperfection=imperfection, chip=chip)

    def pooling(self, detector: Detector, scale: Scale = "count") -> Pooling:
        """Its standardisation on held-out sound, the product's."""
        return self.ear.heard(self._calm).pooling(detector, scale)

    def scoring(self, code: DeltaCode, circuit: Circuit) -> Score:
        """A student on a perfect chip with its own standardisation."""
        detector = self.detector(code, circuit)
        return self.ear.scoring(detector, self.pooling(detector))

    def use(self, start: StudentStart, chip: Chip | None = None) -> Facts:
        """What a student costs."""
        used = use_of(start, self.held_out, chip or self.chip, Budget())
        return {"neurons": used.neurons, "synapses": used.synapses, "sop_per_s": used.sop_per_s}


def train(lesson: Lesson) -> Trained:
    """The product's training, and the start of its student."""
    parts, facts = lesson.build_artifacts()
    kept = parts.distilled is None or parts.distilled.kept_start
    start = lesson.start()
    if not np.array_equal(start.code.threshold, parts.code.threshold):
        raise ModelError("the closed form is not the one that training began with", where="lessons.py")
    facts |= cost_of(parts) | {f"start_{name}": value for name, value in lesson.use(start).items()}
    if parts.distilled is not None:
        facts |= {
            "kept_start": float(kept),
            "lead": parts.distilled.lead,
            "tried": float(parts.distilled.trained),
            "start_criterion": parts.distilled.start_criterion,
            "trained_criterion": parts.distilled.trained_criterion,
        }
    teacher, student = parts.teacher.pooling, parts.student.pooling
    return Trained(parts.onnx, teacher, parts.code, parts.circuit, student, start.code, start.circuit, facts)


def cost_of(parts: ModelArtifacts) -> Facts:
    """What the trained student costs; energy per second of sound, from the least to the greatest calibration."""
    network, activity, chip = parts.compiled.network, parts.metrics["activity"], parts.metrics["chip"]
    seconds = activity["energy"]["figures"]["seconds"]["value"]
    low, high = activity["energy"]["range_j"]["stepped"]
    latency = chip["latency_s"] or {}
    return {
        "neurons": network.n_neurons,
        "synapses": network.n_synapses,
        "sop_per_s": activity["sop_per_s"],
        "spikes_per_s": activity["spikes_per_s"],
        "teacher_macs_per_s": activity["teacher_macs_per_s"],
        "energy_low_j_per_s": low / seconds,
        "energy_high_j_per_s": high / seconds,
        "min_channel_width": chip["min_channel_width"],
        "channel_width": chip["channel_width"],
        "routed": float(chip["routed"]),
        "verified_neuron_steps": parts.metrics["verified"]["neuron_steps"],
        **{f"latency_{name}_s": value for name, value in latency.items()},
    }


class Shelf:
    """Trainings of earlier runs, by what they learned from with which code.

    Args:
        folder: made when there is something to keep.
        make: trains.
    """

    def __init__(self, folder: Path, make: Callable[[Lesson], Trained] = train) -> None:
        self._folder, self._make, self._code = folder, make, code_of("lessons")

    def trained(self, lesson: Lesson) -> Trained:
        """The training of a lesson, from the shelf if it is there."""
        total = hashlib.sha256(f"{self._code}\0{lesson.profile_name}\0{lesson.seed}\0".encode())
        for samples in lesson.clips:
            total.update(np.ascontiguousarray(samples).data)
        path = self._folder / f"trained_{total.hexdigest()[:24]}.json"
        try:
            return Trained(**read(path.read_bytes()))
        except (OSError, TypeError, ModelError):
            # Not there yet, or cut off.
            found = self._make(lesson)
        atomic.write_bytes(path, write({item.name: getattr(found, item.name) for item in fields(found)}))
        return found


def code_of(*modules: str) -> str:
    """A hash that changes when these modules of the benchmark, or the product, may give something else."""
    total = hashlib.sha256(product_code(STUDENT).encode())
    for name in sorted({"lessons", "trainings", "heard", *modules}):
        total.update((HERE / f"{name}.py").read_bytes())
    return total.hexdigest()
