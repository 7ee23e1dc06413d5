"""Distillation: reproducible, within the chip, judged on sound it never saw."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from anomaly.detect.detectors.teacher import TeacherDetector
from anomaly.detect.pooling import Pooling
from anomaly.features.front_end import FrontEnd
from anomaly.features.mel import Samples
from anomaly.student.circuit import Circuit
from anomaly.student.closed_form.closed_form import closed_form, delta_code
from anomaly.student.closed_form.plan import ClosedFormPlan
from anomaly.student.distillation.criterion import Criterion, validation_split
from anomaly.student.distillation.distil import DistillationResult, DistillationSetup, DistilPlan, distil
from anomaly.student.neuron_limits import NeuronLimits
from anomaly.teacher.export import to_onnx
from anomaly.teacher.fit import TeacherPlan, fit_teacher
from anomaly.training.detector_calibration import calibrate_detector
from anomaly.training.training_data import TrainingBlock, block_segments
from chip.sim.imperfection import Imperfection

# Trained in any case: a teacher of one epoch is not ahead of anything.
PLAN = DistilPlan(windows=24, steps=4, batch=8, checks=4, least_lead=-1.0, least_sound_s=0.0)


JUDGE = Criterion.judge


def machine(seconds: float, seed: int) -> Samples:
    random = np.random.default_rng(seed)
    noise = np.convolve(
        random.standard_normal(int(16_000 * seconds) + 40), np.exp(-np.arange(41) / 6), "valid"
    )
    beat = 1 + 0.5 * np.sin(2 * np.pi * 2.7 * np.arange(len(noise)) / 16_000)
    sound: Samples = (0.02 * beat * noise).astype(np.float32)
    return sound


@dataclass(frozen=True)
class Ready:
    """Everything that distillation is given."""

    start: Circuit
    setting: DistillationSetup
    training: list[Samples]

    def distil(self, seed: int = 0, plan: DistilPlan = PLAN) -> DistillationResult:
        return distil(self.start, self.setting, *self.parted(plan, seed), plan, seed=seed)

    def parted(self, plan: DistilPlan = PLAN, seed: int = 0) -> tuple[list[Samples], Criterion]:
        used, checked = validation_split(self.training)
        v_sat = self.setting.limits.v_sat
        return used, Criterion.of(checked, plan.checks, self.setting.front_end, v_sat, seed=seed)


def ready(limits: NeuronLimits, front_end: FrontEnd) -> Ready:
    blocks = [TrainingBlock(machine(8, seed), f"{seed}") for seed in range(5)]
    segments, held_out = block_segments(blocks[:4], front_end), block_segments(blocks[4:], front_end)
    teacher = TeacherDetector(to_onnx(fit_teacher(segments, TeacherPlan(epochs=1), seed=0)))
    pooling = calibrate_detector(teacher, "log", front_end, tuple(blocks[4:])).pooling
    plan = ClosedFormPlan()
    code = delta_code(segments, plan)
    start = closed_form(segments, held_out, code, plan, limits)
    setting = DistillationSetup(front_end, code, limits, teacher, pooling)
    return Ready(start, setting, [b.samples for b in blocks[:4]])


@pytest.fixture(scope="module")
def plain(limits: NeuronLimits) -> Ready:
    return ready(limits, FrontEnd())


@pytest.fixture(scope="module")
def outcome(plain: Ready) -> DistillationResult:
    return plain.distil()


def check(outcome: DistillationResult, start: Circuit, limits: NeuronLimits) -> None:
    circuit = outcome.circuit
    assert 0 <= outcome.start_criterion <= 1
    assert 0 <= outcome.trained_criterion <= 1
    assert np.abs(circuit.weights).max() <= limits.weight_max
    assert 1 <= circuit.thresholds.min() <= circuit.thresholds.max() <= limits.threshold_max
    assert (circuit.weights[start.weights == 0] == 0).all()
    assert np.array_equal(circuit.channels, start.channels)
    if outcome.kept_start:
        assert circuit is start
    else:
        assert outcome.trained
        assert outcome.trained_criterion > outcome.start_criterion - 0.021


def test_the_outcome_fits_and_is_no_worse(
    plain: Ready, outcome: DistillationResult, limits: NeuronLimits
) -> None:
    check(outcome, plain.start, limits)


def test_the_same_seed_gives_the_same_student(plain: Ready, outcome: DistillationResult) -> None:
    again = plain.distil()
    assert again.circuit.to_network().fingerprint() == outcome.circuit.to_network().fingerprint()
    assert (again.start_criterion, again.trained_criterion) == (
        outcome.start_criterion,
        outcome.trained_criterion,
    )


def test_the_criterion_can_tell_the_pseudo_anomalies(outcome: DistillationResult) -> None:
    assert outcome.start_criterion > 0.6


def test_where_the_teacher_is_not_ahead_nothing_is_trained(plain: Ready, outcome: DistillationResult) -> None:
    kept = plain.distil(plan=replace(PLAN, least_lead=0.99))
    assert kept.circuit is plain.start
    assert kept.kept_start
    assert not kept.trained
    assert kept.kept_because == "too little to learn"
    assert kept.lead == outcome.lead < 0.99
    assert kept.start_criterion == kept.trained_criterion == outcome.start_criterion


def test_training_that_does_harm_is_not_kept(plain: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Criterion, "judge", judged_once(JUDGE, (0.8, 0.77)))
    harmed = plain.distil()
    assert (harmed.trained, harmed.kept_start, harmed.circuit) == (True, True, plain.start)
    assert harmed.kept_because == "training did harm"
    monkeypatch.setattr(Criterion, "judge", judged_once(JUDGE, (0.8, 0.785)))
    assert not plain.distil().kept_start


def test_progress_is_told(plain: Ready) -> None:
    shares: list[float] = []
    distil(plain.start, plain.setting, *plain.parted(seed=1), PLAN, seed=1, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_clips_too_short_to_learn_from_keep_the_start(plain: Ready) -> None:
    second = [sound[:16_000] for sound in plain.training]
    outcome = replace(plain, training=second).distil()
    assert (outcome.trained, outcome.kept_because) == (False, "too little sound")
    assert outcome.kept_start
    assert outcome.circuit is plain.start


def test_judged_on_recordings_that_were_not_learned_from(
    plain: Ready, outcome: DistillationResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The third of every five recordings is for the criterion alone: another one there trains the same weights."""
    monkeypatch.setattr(Criterion, "judge", judged_once(Criterion.judge))
    other = replace(plain, training=[*plain.training[:2], machine(8, 77), plain.training[3]])
    plan = replace(PLAN, steps=10)
    one, two = plain.distil(plan=plan), other.distil(plan=plan)
    assert not one.kept_start
    assert np.array_equal(one.circuit.weights, two.circuit.weights)
    assert np.array_equal(one.circuit.thresholds, two.circuit.thresholds)
    changed = replace(plain, training=[machine(8, 77), *plain.training[1:]]).distil(plan=plan)
    assert not np.array_equal(one.circuit.thresholds, changed.circuit.thresholds)


def test_a_network_that_leaves_the_budget_is_not_taken(plain: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Criterion, "judge", judged_once(Criterion.judge))
    outcome = distil(plain.start, plain.setting, *plain.parted(), PLAN, seed=0, allowed=lambda _: False)
    assert outcome.kept_start
    assert outcome.kept_because == "it left the budget"
    assert outcome.trained_criterion > outcome.start_criterion


def test_of_little_sound_nothing_is_concluded(plain: Ready) -> None:
    """A teacher is ahead on the little that it was fitted on."""
    seconds = sum(map(len, plain.parted()[0])) / 16_000
    for spare_s, trained in ((0.5, True), (-0.5, False)):
        outcome = plain.distil(plan=replace(PLAN, least_sound_s=seconds - spare_s))
        assert outcome.trained == trained
    assert outcome.kept_because == "too little sound"


def test_imperfect_chips_can_be_judged(plain: Ready) -> None:
    """With the pooling of the perfect chip; the same chip gives the same figure, another one another."""
    _, criterion = plain.parted()
    perfect, pooling = criterion.judge(plain.start, plain.setting.code)
    series = Imperfection(weight_mismatch_sigma=0.6)
    aucs = [
        criterion.judge(plain.start, plain.setting.code, imperfection=series, chip=chip, pooling=pooling)[0]
        for chip in (0, 1, 0)
    ]
    assert aucs[0] == aucs[2]
    assert len({perfect, *aucs}) == 3


def judged_once(
    criterion: Callable[..., tuple[float, Pooling]], scores: Iterable[float] = np.linspace(0, 1, 99)
) -> Callable[..., tuple[float, Pooling]]:
    """The pooling of the first call for all, and each call better than the last, so that training is kept."""
    first: list[Pooling] = []
    score = iter(scores)

    def judge(*given: Any) -> tuple[float, Pooling]:
        first.append(criterion(*given)[1])
        return float(next(score)), first[0]

    return judge


def test_one_recording_is_enough(plain: Ready, limits: NeuronLimits) -> None:
    check(replace(plain, training=plain.training[:1]).distil(), plain.start, limits)


def test_clips_of_a_second_can_be_judged(plain: Ready, limits: NeuronLimits) -> None:
    short = [plain.training[0][16_000 * k : 16_000 * (k + 1)] for k in range(5)]
    check(replace(plain, training=[*short[:2], short[2], *plain.training[1:]]).distil(), plain.start, limits)


def test_with_level_normalisation(limits: NeuronLimits) -> None:
    normalised = ready(limits, FrontEnd(level_normalise=True))
    check(normalised.distil(), normalised.start, limits)
