"""The closed form fits the chip by construction and fires as rarely on normal sound as it was told to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from anomaly.errors import ModelError
from anomaly.features.delta import DeltaEncoder
from anomaly.student.circuit import Circuit, Limits, taps_of
from anomaly.student.closed_form import ClosedFormPlan, closed_form, delta_code, membranes
from anomaly.student.whitening import furthest
from chip.arch import ArchSpec
from chip.compiler import compile_network
from chip.network import Network
from chip.rules import check
from chip.simulate import Simulator

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
    count = len(PLAN.kinds) * 32
    assert student.weights.shape == (count, (1 + furthest(PLAN.kinds)) * 32)
    assert (student.bands, student.delays, student.micro_steps) == (32, 2, 4)
    assert student.channels[:32].tolist() == [band // 2 for band in range(32)]
    # Two neighbouring bands a group, of each two signs and two quantiles, which count once and twice.
    fed = student.channels[student.listens]
    assert np.bincount(fed).tolist() == [8] * 32
    assert student.divisors.tolist() == [6] * 32
    assert student.signs.reshape(2, -1).tolist() == [[1] * 2 * count, [-1] * 2 * count]


def held(
    student: Circuit,
    segments: list[Centibels],
    training: list[Centibels],
    listen: tuple[int, int] | None = None,
) -> npt.NDArray[np.int32]:
    residuals = student.weights, student.quanta, student.delays
    own = student.listen_weight, student.listen_leak
    return membranes(segments, delta_code(training, PLAN), residuals, listen or own, 2047)


def test_comparators_fire_as_rarely_as_told(
    student: Circuit, training: list[Centibels], held_out: list[Centibels]
) -> None:
    unleaked = held(student, held_out, training, (student.listen_weight, 0))
    rate = (student.signs * unleaked[:, student.listens] >= student.thresholds).mean(axis=0).reshape(2, 2, -1)
    # A residual moves in quanta, so a threshold may let more pass than its quantile.
    assert 0.03 < rate[:, 0].mean() < 0.4
    assert 0.003 < rate[:, 1].mean() < 0.2
    assert (rate[:, 1] <= rate[:, 0]).all()


def every_spike(network: Network, events: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    neurons = Simulator(network, v_sat=2047).run(events, record="all").neurons
    assert neurons is not None
    return neurons[:, 0]


def test_membranes_are_those_of_the_chip(
    student: Circuit, training: list[Centibels], held_out: list[Centibels]
) -> None:
    """Spikes of the simulator's comparators are where these membranes are beyond the thresholds."""
    network = student.to_network()
    events = DeltaEncoder(delta_code(training, PLAN)).push(held_out[0][None]).reshape(-1, 1, 32)
    comparators = [i for i, label in enumerate(network.labels) if label.endswith("comparator")]
    levels = student.signs * held(student, held_out[:1], training)[:, student.listens]
    assert np.array_equal(every_spike(network, events)[32:, comparators], levels >= student.thresholds)


def test_a_lost_event_is_forgotten(
    student: Circuit, training: list[Centibels], held_out: list[Centibels]
) -> None:
    network = student.to_network()
    whole = DeltaEncoder(delta_code(training, PLAN)).push(held_out[0][None]).reshape(-1, 1, 32)
    lossy = whole.copy()
    lossy[40:60] = 0
    comparators = np.array([label.endswith("comparator") for label in network.labels])

    def differ(leaky: Network) -> float:
        ends = [every_spike(leaky, events)[-400:, comparators] for events in (whole, lossy)]
        return float(np.mean(ends[0] != ends[1]))

    stiff = replace(student, listen_leak=0).to_network()
    assert differ(network) < 0.7 * differ(stiff)


def test_residuals_are_nearly_white_on_sound_never_seen(
    student: Circuit, training: list[Centibels], held_out: list[Centibels]
) -> None:
    counts = held(student, held_out, training, (1, 0)) * student.quanta.astype(float)
    related = np.corrcoef(counts.T)[:32, :32] - np.eye(32)
    bands = np.corrcoef(np.concatenate(held_out).T) - np.eye(32)
    assert np.abs(related).mean() < 0.3 * np.abs(bands).mean()


def test_encoder_settings(training: list[Centibels]) -> None:
    code = delta_code(training, PLAN)
    everything = np.concatenate(training)
    assert np.abs(code.mean - everything.mean(axis=0)).max() <= 0.5
    finer = delta_code(training, replace(PLAN, step=PLAN.step / 2))
    assert (finer.threshold <= code.threshold).all()
    assert (code.threshold <= everything.std(axis=0) + 1).all()
    still = [np.full((50, 32), -7000, np.int32)]
    assert (delta_code(still, PLAN).threshold == 20).all()


def test_counts_are_the_sums_of_the_taps_in_quanta(training: list[Centibels], student: Circuit) -> None:
    code = delta_code(training, PLAN)
    counts = held(student, training[:2], training, (1, 0))
    assert counts.shape == (2 * (300 - 8) * 4, len(student.quanta))
    events = DeltaEncoder(code).push(training[1][None]).reshape(1, -1, 32)
    sums = taps_of(events, student.delays, 4)[0, 32:] @ student.weights.T
    # What a residual sends arrives a step later.
    off = np.abs(sums[:-1] - counts[292 * 4 + 1 :] * student.quanta) / student.quanta
    assert np.mean(off < 1) > 0.8


def test_every_second_band_may_do(
    training: list[Centibels], held_out: list[Centibels], limits: Limits, senna: ArchSpec
) -> None:
    plan = replace(PLAN, kinds=("frame",), quantiles=(0.95,), loads=(1,), stride=2, fan_in=3)
    circuit = fit(training, held_out, limits, plan)
    assert circuit.channels.tolist() == list(range(16))
    assert circuit.to_network().n_neurons == 16 + 2 * 16 + 16
    assert errors_of(circuit, senna) == []


def test_wires_cost(training: list[Centibels], held_out: list[Centibels], limits: Limits) -> None:
    """Dear wires make synapses that reach less far."""

    def reach(wire_cost: float) -> float:
        circuit = fit(training, held_out, limits, replace(PLAN, wire_cost=wire_cost))
        row, tap = np.nonzero(circuit.weights)
        return float(np.abs(tap % 32 - row % 32).mean())

    assert reach(1.0) < 0.9 * reach(0.0)


@pytest.mark.parametrize(
    "change", [{"kinds": ("change", "frame")}, {"kinds": ("loud",)}, {"loads": (1,)}, {"quantiles": ()}]
)
def test_a_plan_that_is_none(change: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="no plan for a student"):
        replace(PLAN, **change)


def test_sound_that_never_moves_gives_a_student_that_fits(senna: ArchSpec, limits: Limits) -> None:
    still = [np.full((100, 32), -12_000, np.int32)] * 3
    assert errors_of(fit(still, still, limits), senna) == []
