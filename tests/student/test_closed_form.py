"""The closed form fits the chip by construction and fires as rarely on normal sound as it was told to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from anomaly.detect.pooling import GROUPS
from anomaly.features.delta import DeltaEncoder
from anomaly.student.circuit import KINDS, Circuit, Limits, taps_of
from anomaly.student.closed_form import ClosedFormPlan, closed_form, delta_code, membrane_taps
from chip.arch import ArchSpec
from chip.compiler import compile_network
from chip.rules import check

Centibels = npt.NDArray[np.int32]
PLAN = ClosedFormPlan()


def fit(
    training: list[Centibels], held_out: list[Centibels], limits: Limits, plan: ClosedFormPlan = PLAN
) -> Circuit:
    return closed_form(training, held_out, delta_code(training, plan), plan, limits)


@pytest.fixture(scope="module")
def student(training: list[Centibels], held_out: list[Centibels], limits: Limits) -> Circuit:
    return fit(training, held_out, limits)


def errors_of(circuit: Circuit, arch: ArchSpec) -> list[str]:
    return [str(finding) for finding in check(circuit.to_network(), arch) if finding.severity == "error"]


def test_it_keeps_every_limit(student: Circuit, senna: ArchSpec, limits: Limits) -> None:
    network = student.to_network()
    assert network.fan_in().max() <= 25
    assert network.fan_out().max() <= 256
    assert np.abs(network.weight).max() <= 31
    assert 1 <= student.thresholds.min() <= student.thresholds.max() <= 255
    assert network.n_neurons <= 1024
    assert network.n_synapses <= 25_600
    assert errors_of(student, senna) == []
    assert compile_network(network, senna).report["verified"]


@pytest.mark.parametrize("shared", [200, 600, 3000])
def test_one_leading_band_does_not_overload_its_wire(shared: int, senna: ArchSpec, limits: Limits) -> None:
    random = np.random.default_rng(shared)

    def segment() -> Centibels:
        noise = 150 * random.standard_normal((300, 32))
        noise[:, 16] *= 0.05
        return np.rint(-5000 + shared * random.standard_normal((300, 1)) + noise).astype(np.int32)

    circuit = fit([segment() for _ in range(8)], [segment() for _ in range(3)], limits)
    assert circuit.to_network().fan_out().max() <= 256
    assert errors_of(circuit, senna) == []


@pytest.mark.parametrize(
    ("fan_in", "weight_max", "threshold_max"), [(9, 31, 255), (25, 3, 255), (25, 31, 15)]
)
def test_it_keeps_the_limits_of_smaller_chips(
    training: list[Centibels],
    held_out: list[Centibels],
    limits: Limits,
    fan_in: int,
    weight_max: int,
    threshold_max: int,
) -> None:
    small = replace(limits, fan_in=fan_in, weight_max=weight_max, threshold_max=threshold_max)
    circuit = fit(training, held_out, small)
    assert (circuit.weights != 0).sum(axis=1).max() <= fan_in
    assert np.abs(circuit.weights).max() <= weight_max
    assert circuit.thresholds.max() <= threshold_max


def test_a_plan_may_ask_for_fewer_synapses(
    training: list[Centibels], held_out: list[Centibels], limits: Limits
) -> None:
    circuit = fit(training, held_out, limits, replace(PLAN, fan_in=5))
    assert (circuit.weights != 0).sum(axis=1).max() <= 5


def test_wiring(student: Circuit) -> None:
    count = len(KINDS) * 32 * 2 * 2
    assert student.weights.shape == (count, 96)
    assert (student.bands, student.delays, student.micro_steps) == (32, 2, 4)
    # Two neighbouring bands a group, of each two signs and two quantiles; half of them fire at once at most.
    assert np.bincount(student.channels).tolist() == [8] * 48
    assert student.divisors.tolist() == [4] * 48
    assert student.channels[:32].tolist() == [band // 2 for band in range(32)]
    # Pairs of one-sided comparators.
    assert np.array_equal(student.weights[: count // 2], -student.weights[count // 2 :])
    assert GROUPS * len(KINDS) == len(student.divisors)


def test_comparators_fire_as_rarely_as_told(
    student: Circuit, training: list[Centibels], held_out: list[Centibels]
) -> None:
    membranes = membrane_taps(held_out, delta_code(training, PLAN), 2) @ student.weights.T
    rate = (membranes >= student.thresholds).mean(axis=0).reshape(2, 2, -1)
    # Thresholds are whole numbers, and at least 1.
    assert rate[:, 0].max() <= 0.05 + 0.02
    assert rate[:, 1].max() <= 0.01 + 0.01
    assert rate[:, 0].mean() > 0.02
    assert rate[:, 1].mean() > 0.002


def test_the_same_levels_give_the_same_student(
    student: Circuit, training: list[Centibels], held_out: list[Centibels], limits: Limits
) -> None:
    again = fit(training, held_out, limits)
    assert again.to_network().fingerprint() == student.to_network().fingerprint()


def test_predictions_predict(student: Circuit, training: list[Centibels], held_out: list[Centibels]) -> None:
    """What is left of a band is less than the band, on sound that the prediction was not fitted on."""
    taps = membrane_taps(held_out, delta_code(training, PLAN), 2)
    rows = student.weights[: 3 * 32].astype(float)
    scale = rows[np.arange(96), np.tile(np.arange(32), 3)]
    left = (taps @ rows.T).var(axis=0) / scale**2
    explained = 1 - left / np.tile(taps[:, :32].var(axis=0), 3)
    assert np.median(explained) > 0.5


def test_encoder_settings(training: list[Centibels]) -> None:
    code = delta_code(training, PLAN)
    everything = np.concatenate(training)
    assert np.abs(code.mean - everything.mean(axis=0)).max() <= 0.5
    assert np.abs(code.threshold - 0.5 * everything.std(axis=0)).max() <= 0.5
    still = [np.full((50, 32), -7000, np.int32)]
    assert (delta_code(still, PLAN).threshold == 20).all()


def test_membranes_hold_the_taps_of_each_segment_after_the_warm_up(training: list[Centibels]) -> None:
    code = delta_code(training, PLAN)
    taps = membrane_taps(training[:2], code, 2)
    assert taps.shape == (2 * (300 - 8) * 4, 96)
    events = DeltaEncoder(code).push(training[1][None]).reshape(1, -1, 32)
    assert np.array_equal(taps[292 * 4 :], taps_of(events, 2, 4)[0, 32:])


def test_sound_that_never_moves_gives_a_student_that_fits(senna: ArchSpec, limits: Limits) -> None:
    still = [np.full((100, 32), -12_000, np.int32)] * 3
    assert errors_of(fit(still, still, limits), senna) == []
