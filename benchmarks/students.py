"""All students that come of one teacher: the product's, its start, smaller ones, and those it is compared with."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from anomaly import atomic
from anomaly.detect.calibration import Calibration
from anomaly.detect.scoring import Scorer, recording_score
from anomaly.detect.student import StudentDetector
from anomaly.detect.teacher import TeacherDetector
from anomaly.evaluate.bench.clips import DetectionSet, Samples
from anomaly.evaluate.bench.play import Score
from anomaly.features.delta import DeltaCode
from anomaly.features.front_end import FrontEnd
from anomaly.student.budget import Budget
from anomaly.student.circuit import Circuit
from anomaly.student.closed_form import ClosedFormPlan
from anomaly.student.criterion import Criterion, apart
from anomaly.training.compile import Chip, compile_circuit, read_chip
from anomaly.training.material import Material, block_segments, cut, split
from anomaly.training.parts import Parts, build, calibrated
from anomaly.training.profiles import profile as profile_named
from anomaly.training.start import Start, choose_start, use_of
from chip.imperfection import Imperfection

CURVE_SOP = (5_000, 10_000, 20_000, 40_000)
SMALL = Budget(max_neurons=300, max_sop_per_s=20_000)
SMALL_BITS = 4
# Chips per set and level, so that the bench as a whole is scored on more than fifty.
CHIPS = 2
WIRE_COST = 0.5
IMPERFECT: dict[str, Imperfection] = {
    "mismatch": Imperfection(weight_mismatch_sigma=0.05),
    "lost_events": Imperfection(lost_events=0.01),
    "leak": Imperfection(extra_leak_shift=8),
}


@dataclass(frozen=True)
class Facts:
    """What was measured of the students of one training, by name."""

    set: str
    levels: list[float]
    seed: int
    values: dict[str, float]


@dataclass(eq=False)
class Students:
    """One training as a contestant; what it measures besides scores is kept beside them.

    Args:
        profile: of training.
        extras: also the curve, imperfect chips, and wires.
    """

    profile: str
    extras: bool
    values: dict[str, float] = field(default_factory=dict)

    def fit(self, train: Sequence[Samples], seed: int) -> Mapping[str, Score]:
        """Train on clips; return every detector."""
        return _Training(self, train, seed).detectors()

    def facts(self, group: Sequence[DetectionSet], seed: int, path: Path | None) -> Facts:
        """What was measured, now or when the scores were made."""
        kept = None if path is None else path.with_suffix(".facts")
        if kept is not None and self.values:
            atomic.write_bytes(kept, json.dumps(self.values).encode())
        elif kept is not None and kept.is_file():
            self.values = json.loads(kept.read_bytes())
        return Facts(group[0].name, [one.level for one in group], seed, self.values)


class _Training:
    def __init__(self, asked: Students, train: Sequence[Samples], seed: int) -> None:
        self.asked, self.seed, self.values = asked, seed, asked.values
        self.front_end, self.chip = FrontEnd(), read_chip("senna")
        self.plan = profile_named(asked.profile).closed_form
        blocks = [block for n, clip in enumerate(train) for block in cut(clip, f"clip {n:05d}")]
        self.material: Material = split(blocks)
        self.held_out = block_segments(self.material.held_out, self.front_end)
        self.training = block_segments(self.material.training, self.front_end)
        begun = time.perf_counter()
        chosen = profile_named(asked.profile)
        self.parts: Parts = build(self.material, self.front_end, chosen, self.chip, seed=seed)
        self.values["train_seconds"] = time.perf_counter() - begun
        self.values["teacher_macs_per_s"] = self.parts.metrics["activity"]["teacher_macs_per_s"]
        if (done := self.parts.distilled) is not None:
            self.values["kept_start"] = float(done.kept_start)
            self.values["start_criterion"] = done.start_criterion
            self.values["trained_criterion"] = done.trained_criterion

    def detectors(self) -> dict[str, Score]:
        parts = self.parts
        teacher = Scorer(self.front_end, TeacherDetector(parts.onnx), parts.teacher)
        start = self._start(self.plan, self.chip, Budget())
        self._measure("", start, parts.circuit)
        small = self._start(self.plan, read_chip("senna", SMALL_BITS), SMALL)
        self._measure("small_", small, small.circuit)
        found = {
            "teacher": _scores(teacher),
            "student": self._student(parts.code, parts.circuit),
            "closed_form": self._student(start.code, start.circuit),
            "small": self._student(small.code, small.circuit),
        }
        if self.asked.extras:
            found |= self._curve() | self._imperfect() | self._wires(start)
        return found

    def _start(self, plan: ClosedFormPlan, chip: Chip, budget: Budget) -> Start:
        _, checked = apart([block.samples for block in self.material.training])
        criterion = Criterion.of(checked, 4, self.front_end, chip.limits.v_sat, seed=self.seed)
        return choose_start(self.training, self.held_out, plan, chip, budget, criterion)

    def _measure(self, name: str, start: Start, circuit: Circuit) -> None:
        used = use_of(replace(start, circuit=circuit), self.held_out, self.chip, Budget())
        self.values[f"{name}neurons"], self.values[f"{name}synapses"] = used.neurons, used.synapses
        self.values[f"{name}sop_per_s"] = used.sop_per_s

    def _student(
        self,
        code: DeltaCode,
        circuit: Circuit,
        calibration: Calibration | None = None,
        imperfection: Imperfection | None = None,
        chip: int = 0,
    ) -> Score:
        """A student with its own calibration, or with the one given."""
        v_sat = self.chip.limits.v_sat
        detector = StudentDetector(code, circuit.to_network(), v_sat, imperfection=imperfection, chip=chip)
        own = calibration or calibrated(detector, "root", self.front_end, self.material.held_out)
        return _scores(Scorer(self.front_end, detector, own))

    def _curve(self) -> dict[str, Score]:
        found = {}
        for limit in CURVE_SOP:
            start = self._start(self.plan, self.chip, Budget(max_sop_per_s=limit))
            used = use_of(start, self.held_out, self.chip, Budget())
            self.values[f"sop_{limit}"] = used.sop_per_s
            found[f"sop_{limit}"] = self._student(start.code, start.circuit)
        return found

    def _imperfect(self) -> dict[str, Score]:
        """The student on imperfect chips, calibrated on a perfect one."""
        parts = self.parts
        return {
            f"{name}#{chip}": self._student(parts.code, parts.circuit, parts.student, imperfection, chip)
            for name, imperfection in IMPERFECT.items()
            for chip in range(CHIPS if name == "mismatch" else 1)
        }

    def _wires(self, blind: Start) -> dict[str, Score]:
        """The start with dear wires against the same recipe without: routed both, ratios below one are savings."""
        aware = self._start(replace(self.plan, wire_cost=WIRE_COST), self.chip, Budget())
        reports = [
            compile_circuit(one.circuit, one.code, self.chip, self.held_out)[0].report
            for one in (aware, blind)
        ]
        for name in ("activity_wirelength", "min_channel_width"):
            self.values[f"wire_{name}"] = reports[0][name] / reports[1][name]
        return {"wire_aware": self._student(aware.code, aware.circuit)}


def _scores(scorer: Scorer) -> Score:
    return lambda clips: [recording_score(scorer.recording(clip)) for clip in clips]
