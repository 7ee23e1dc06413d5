"""Distillation is reproducible, within the chip's limits and validated on unseen sound."""

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
from anomaly.student.closed_form.closed_form import fit_closed_form
from anomaly.student.closed_form.encoder_fit import fit_delta_code
from anomaly.student.closed_form.plan import ClosedFormPlan
from anomaly.student.distillation.criterion import Criterion, validation_split
from anomaly.student.distillation.distil import DistillationResult, distil
from anomaly.student.distillation.plan import DistillationSetup, DistilPlan
from anomaly.student.neuron_limits import NeuronLimits
from anomaly.teacher.export import to_onnx
from anomaly.teacher.fit import TeacherPlan, fit_teacher
from anomaly.training.detector_calibration import calibrate_detector
from anomaly.training.training_data import TrainingBlock, block_segments
from chip.sim.imperfection import Imperfection

# Without a required gap: a teacher of one epoch is ahead of nothing.
PLAN = DistilPlan(windows=24, steps=4, batch=8, validation_windows=4, min_gap=-1.0, min_sound_s=0.0)


EVALUATE = Criterion.evaluate


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
    setup: DistillationSetup
    training: list[Samples]

    def distil(self, seed: int = 0, plan: DistilPlan = PLAN) -> DistillationResult:
        return distil(self.start, self.setup, *self.split(plan, seed), plan, seed=seed)

    def split(self, plan: DistilPlan = PLAN, seed: int = 0) -> tuple[list[Samples], Criterion]:
        used, checked = validation_split(self.training)
        v_sat = self.setup.limits.v_sat
        return used, Criterion.from_sounds(
            checked, plan.validation_windows, self.setup.front_end, v_sat, seed=seed
        )


def ready(limits: NeuronLimits, front_end: FrontEnd) -> Ready:
    blocks = [TrainingBlock(machine(8, seed), f"{seed}") for seed in range(5)]
    segments, held_out = block_segments(blocks[:4], front_end), block_segments(blocks[4:], front_end)
    teacher = TeacherDetector(to_onnx(fit_teacher(segments, TeacherPlan(epochs=1), seed=0)))
    pooling = calibrate_detector(teacher, "log", front_end, tuple(blocks[4:])).pooling
    plan = ClosedFormPlan()
    code = fit_delta_code(segments, plan)
    start = fit_closed_form(segments, held_out, code, plan, limits)
    setup = DistillationSetup(front_end, code, limits, teacher, pooling)
    return Ready(start, setup, [b.samples for b in blocks[:4]])


@pytest.fixture(scope="module")
def plain(limits: NeuronLimits) -> Ready:
    return ready(limits, FrontEnd())


@pytest.fixture(scope="module")
def result(plain: Ready) -> DistillationResult:
    return plain.distil()


def check(result: DistillationResult, start: Circuit, limits: NeuronLimits) -> None:
    circuit = result.circuit
    assert 0 <= result.start_criterion <= 1
    assert 0 <= result.trained_criterion <= 1
    assert np.abs(circuit.tap_weights).max() <= limits.weight_max
    assert 1 <= circuit.thresholds.min() <= circuit.thresholds.max() <= limits.threshold_max
    assert (circuit.tap_weights[start.tap_weights == 0] == 0).all()
    assert np.array_equal(circuit.channels, start.channels)
    if result.kept_start:
        assert circuit is start
    else:
        assert result.trained
        assert result.trained_criterion > result.start_criterion - 0.021


def test_the_result_fits_and_is_no_worse(
    plain: Ready, result: DistillationResult, limits: NeuronLimits
) -> None:
    check(result, plain.start, limits)


def test_the_same_seed_gives_the_same_student(plain: Ready, result: DistillationResult) -> None:
    again = plain.distil()
    assert again.circuit.to_network().fingerprint() == result.circuit.to_network().fingerprint()
    assert (again.start_criterion, again.trained_criterion) == (
        result.start_criterion,
        result.trained_criterion,
    )


def test_the_criterion_separates_pseudo_anomalies(result: DistillationResult) -> None:
    assert result.start_criterion > 0.6


def test_without_a_gap_nothing_is_trained(plain: Ready, result: DistillationResult) -> None:
    kept = plain.distil(plan=replace(PLAN, min_gap=0.99))
    assert kept.circuit is plain.start
    assert kept.kept_start
    assert not kept.trained
    assert kept.kept_because == "too little to learn"
    assert kept.gap == result.gap < 0.99
    assert kept.start_criterion == kept.trained_criterion == result.start_criterion


def test_a_worse_result_is_not_kept(plain: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Criterion, "evaluate", with_scores(EVALUATE, (0.8, 0.77)))
    harmed = plain.distil()
    assert (harmed.trained, harmed.kept_start, harmed.circuit) == (True, True, plain.start)
    assert harmed.kept_because == "training did harm"
    monkeypatch.setattr(Criterion, "evaluate", with_scores(EVALUATE, (0.8, 0.785)))
    assert not plain.distil().kept_start


def test_progress_is_reported(plain: Ready) -> None:
    shares: list[float] = []
    distil(plain.start, plain.setup, *plain.split(seed=1), PLAN, seed=1, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_clips_shorter_than_a_window_keep_the_start(plain: Ready) -> None:
    second = [sound[:16_000] for sound in plain.training]
    result = replace(plain, training=second).distil()
    assert (result.trained, result.kept_because) == (False, "too little sound")
    assert result.kept_start
    assert result.circuit is plain.start


def test_validation_recordings_do_not_affect_the_weights(
    plain: Ready, result: DistillationResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The third of every five recordings is for the criterion alone: replacing it gives the same weights."""
    monkeypatch.setattr(Criterion, "evaluate", with_scores(Criterion.evaluate))
    other = replace(plain, training=[*plain.training[:2], machine(8, 77), plain.training[3]])
    plan = replace(PLAN, steps=10)
    one, two = plain.distil(plan=plan), other.distil(plan=plan)
    assert not one.kept_start
    assert np.array_equal(one.circuit.tap_weights, two.circuit.tap_weights)
    assert np.array_equal(one.circuit.thresholds, two.circuit.thresholds)
    changed = replace(plain, training=[machine(8, 77), *plain.training[1:]]).distil(plan=plan)
    assert not np.array_equal(one.circuit.thresholds, changed.circuit.thresholds)


def test_a_result_beyond_the_budget_is_not_kept(plain: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Criterion, "evaluate", with_scores(Criterion.evaluate))
    result = distil(plain.start, plain.setup, *plain.split(), PLAN, seed=0, allowed=lambda _: False)
    assert result.kept_start
    assert result.kept_because == "it left the budget"
    assert result.trained_criterion > result.start_criterion


def test_little_sound_is_not_trained_on(plain: Ready) -> None:
    """The gap is meaningless there: a teacher is ahead on the little that it was fitted on."""
    seconds = sum(map(len, plain.split()[0])) / 16_000
    for margin_s, trained in ((0.5, True), (-0.5, False)):
        result = plain.distil(plan=replace(PLAN, min_sound_s=seconds - margin_s))
        assert result.trained == trained
    assert result.kept_because == "too little sound"


def test_imperfect_chips_are_evaluated(plain: Ready) -> None:
    """The same chip gives the same AUC with the pooling of the perfect one, another chip a different one."""
    _, criterion = plain.split()
    perfect, pooling = criterion.evaluate(plain.start, plain.setup.code)
    series = Imperfection(weight_mismatch_sigma=0.6)
    aucs = [
        criterion.evaluate(plain.start, plain.setup.code, imperfection=series, chip=chip, pooling=pooling)[0]
        for chip in (0, 1, 0)
    ]
    assert aucs[0] == aucs[2]
    assert len({perfect, *aucs}) == 3


def with_scores(
    criterion: Callable[..., tuple[float, Pooling]], scores: Iterable[float] = np.linspace(0, 1, 99)
) -> Callable[..., tuple[float, Pooling]]:
    """Return a criterion with the pooling of its first call and increasing scores, so that training is kept."""
    first: list[Pooling] = []
    score = iter(scores)

    def evaluate(*arguments: Any) -> tuple[float, Pooling]:
        first.append(criterion(*arguments)[1])
        return float(next(score)), first[0]

    return evaluate


def test_one_recording_is_enough(plain: Ready, limits: NeuronLimits) -> None:
    check(replace(plain, training=plain.training[:1]).distil(), plain.start, limits)


def test_clips_of_a_second_are_evaluated(plain: Ready, limits: NeuronLimits) -> None:
    short = [plain.training[0][16_000 * k : 16_000 * (k + 1)] for k in range(5)]
    check(replace(plain, training=[*short[:2], short[2], *plain.training[1:]]).distil(), plain.start, limits)


def test_with_level_normalisation(limits: NeuronLimits) -> None:
    normalised = ready(limits, FrontEnd(level_normalise=True))
    check(normalised.distil(), normalised.start, limits)
