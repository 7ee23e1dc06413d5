"""One training of the distillation benchmark: its sound, its result, and the cache of results."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

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
from anomaly.student.closed_form.encoder_fit import fit_delta_code
from anomaly.student.closed_form.plan import ClosedFormPlan
from anomaly.student.closed_form.wire_aware import fit_wire_aware_closed_form
from anomaly.training.compile import Chip, read_chip
from anomaly.training.model_artifacts import ModelArtifacts, build_artifacts
from anomaly.training.profiles import TrainingProfile, profile_named
from anomaly.training.student_start import StudentStart, choose_start, measured_use
from anomaly.training.student_training import StudentConstraints, start_criterion
from anomaly.training.teacher_training import is_clear_gain, phases_gain
from anomaly.training.training_data import TrainingData, block_segments, cut_blocks, split_held_out
from chip.sim.imperfection import Imperfection
from lib.clip_levels import LevelCache
from lib.code_hashes import STUDENT, product_code
from lib.distillation.training_file import read, write
from lib.paths import BENCHMARKS

Facts = dict[str, float]


@dataclass(frozen=True, eq=False)
class TrainedModels:
    """Result of a training that other experiments build upon.

    Args:
        onnx, teacher: the teacher and its pooling.
        code, circuit, pooling: the distilled student.
        start_code, start_circuit: the closed form that distillation began with.
        facts: measured figures, by name.
    """

    onnx: bytes
    teacher: Pooling
    code: DeltaCode
    circuit: Circuit
    pooling: Pooling
    start_code: DeltaCode
    start_circuit: Circuit
    facts: Facts


class TrainingRun:
    """Normal sound of one training, split as the product splits it.

    Args:
        clips: normal sound, float32, 16 kHz.
        seed: of all random numbers.
        profile: name of the training profile.
    """

    def __init__(self, clips: Sequence[Samples], seed: int, profile: str) -> None:
        self.clips, self.seed, self.profile_name = clips, seed, profile
        self.front_end, self.chip = FrontEnd(), read_chip("senna")
        self.level_cache = LevelCache(self.front_end)
        blocks = [block for n, clip in enumerate(clips) for block in cut_blocks(clip, f"clip {n:05d}")]
        self.data: TrainingData = split_held_out(blocks)

    @property
    def profile(self) -> TrainingProfile:
        """Training profile without its trial on imperfect chips, which the benchmark measures itself."""
        return replace(profile_named(self.profile_name), chips=0)

    @property
    def plan(self) -> ClosedFormPlan:
        """Plan of the closed form, as the product chooses it for this machine."""
        return StudentConstraints().plan(self.profile.closed_form, phases=self.phases)

    @cached_property
    def phases(self) -> bool:
        """True if the machine's cycle has phases, by the product's criterion."""
        everything = (*self.data.training, *self.data.held_out)
        return is_clear_gain(phases_gain(everything, self.front_end, self.profile, seed=self.seed))

    @cached_property
    def training(self) -> list[Centibels]:
        """Mel levels of the sound on which weights are fitted."""
        return block_segments(self.data.training, self.front_end)

    @cached_property
    def held_out(self) -> list[Centibels]:
        """Mel levels of the held-out sound, on which thresholds and standardisation are fitted."""
        return block_segments(self.data.held_out, self.front_end)

    @cached_property
    def _held_out_samples(self) -> list[Samples]:
        return [block.samples for block in self.data.held_out]

    def start(self) -> StudentStart:
        """Fit the closed-form student from which the product starts distillation."""
        judge = start_criterion(self.data, self.front_end, self.chip, seed=self.seed)
        return choose_start(self.training, self.held_out, self.plan, self.chip, Budget(), judge)

    def by_plan(self, plan: ClosedFormPlan | None = None, chip: Chip | None = None) -> StudentStart:
        """Fit a closed-form student by this plan, without a search over plans."""
        on = chip or self.chip
        plan = (plan or self.plan).for_chip(on.limits)
        code = fit_delta_code(self.training, plan)
        arguments = (code, plan, on.limits, on.arch)
        return StudentStart(*fit_wire_aware_closed_form(self.training, self.held_out, *arguments), plan)

    def build_artifacts(self, chip: Chip | None = None, **options: Any) -> tuple[ModelArtifacts, Facts]:
        """Run the product's training, and measure its wall-clock and processor seconds."""
        start, start_cpu = time.perf_counter(), time.process_time()
        artifacts = build_artifacts(
            self.data, self.front_end, self.profile, chip or self.chip, seed=self.seed, **options
        )
        times = {
            "train_seconds": time.perf_counter() - start,
            "train_cpu_seconds": time.process_time() - start_cpu,
        }
        return artifacts, times

    def detector(
        self,
        code: DeltaCode,
        circuit: Circuit,
        *,
        imperfection: Imperfection | None = None,
        chip: int = 0,
    ) -> StudentDetector:
        """Detector of a student on the chip simulator."""
        v_sat = self.chip.limits.v_sat
        return StudentDetector(code, circuit.to_network(), v_sat, imperfection=imperfection, chip=chip)

    def pooling(self, detector: Detector, scale: Scale = "count") -> Pooling:
        """Fit the detector's standardisation on held-out sound, as the product does."""
        return self.level_cache.levels(self._held_out_samples).pooling(detector, scale)

    def scoring(self, code: DeltaCode, circuit: Circuit) -> Score:
        """Score function of a student on a perfect chip with its own standardisation."""
        detector = self.detector(code, circuit)
        return self.level_cache.scoring(detector, self.pooling(detector))

    def cost_of_start(self, start: StudentStart, chip: Chip | None = None) -> Facts:
        """Neurons, synapses and synaptic operations per second of a closed-form student."""
        cost = measured_use(start, self.held_out, chip or self.chip, Budget())
        return {"neurons": cost.neurons, "synapses": cost.synapses, "sop_per_s": cost.sop_per_s}


def train_models(run: TrainingRun) -> TrainedModels:
    """Run the product's training, and fit the closed form from which its student started."""
    artifacts, facts = run.build_artifacts()
    kept = artifacts.distilled is None or artifacts.distilled.kept_start
    start = run.start()
    if not np.array_equal(start.code.threshold, artifacts.code.threshold):
        raise ModelError("the closed form is not the one that training began with", where="training_run.py")
    facts |= cost_of(artifacts) | {f"start_{name}": value for name, value in run.cost_of_start(start).items()}
    if artifacts.distilled is not None:
        facts |= {
            "kept_start": float(kept),
            "lead": artifacts.distilled.gap,
            "tried": float(artifacts.distilled.trained),
            "start_criterion": artifacts.distilled.start_criterion,
            "trained_criterion": artifacts.distilled.trained_criterion,
        }
    teacher, student = artifacts.teacher.pooling, artifacts.student.pooling
    return TrainedModels(
        artifacts.onnx, teacher, artifacts.code, artifacts.circuit, student, start.code, start.circuit, facts
    )


def cost_of(artifacts: ModelArtifacts) -> Facts:
    """Cost of the trained student on the chip; energy is per second of sound, from lowest to highest calibration."""
    network, activity, chip = (
        artifacts.compiled.network,
        artifacts.metrics["activity"],
        artifacts.metrics["chip"],
    )
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
        "verified_neuron_steps": artifacts.metrics["verified"]["neuron_steps"],
        **{f"latency_{name}_s": value for name, value in latency.items()},
    }


class TrainingCache:
    """Cache of trainings, by sound, code, profile and seed.

    Args:
        folder: created at the first training.
        train: runs a training that is not cached.
    """

    def __init__(self, folder: Path, train: Callable[[TrainingRun], TrainedModels] = train_models) -> None:
        self._folder, self._train, self._code = folder, train, code_of()

    def trained(self, run: TrainingRun) -> TrainedModels:
        """Load the result of a training, or train and store it."""
        total = hashlib.sha256(f"{self._code}\0{run.profile_name}\0{run.seed}\0".encode())
        for samples in run.clips:
            total.update(np.ascontiguousarray(samples).data)
        path = self._folder / f"trained_{total.hexdigest()[:24]}.json"
        try:
            return TrainedModels(**read(path.read_bytes()))
        except (OSError, TypeError, ModelError):
            # Missing, or cut off.
            found = self._train(run)
        atomic.write_bytes(path, write({item.name: getattr(found, item.name) for item in fields(found)}))
        return found


def code_of(*modules: str) -> str:
    """Hash of the product and of these modules of ``lib/distillation``."""
    total = hashlib.sha256(product_code(STUDENT).encode())
    own = {f"distillation/{name}.py" for name in ("training_run", "training_file", *modules)}
    for name in sorted({"clip_levels.py", *own}):
        total.update((BENCHMARKS / "lib" / name).read_bytes())
    return total.hexdigest()
