"""The closed form fits the chip by construction and fires as rarely on normal sound as it was told to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from anomaly.errors import ModelError, UsageError
from anomaly.features.delta_encoder import DeltaEncoder
from anomaly.student.circuit import Circuit
from anomaly.student.closed_form.closed_form import (
    _whole_rows,
    _widths,
    closed_form,
    delta_code,
)
from anomaly.student.closed_form.first_layer import first_layer_input
from anomaly.student.closed_form.plan import ClosedFormPlan
from anomaly.student.closed_form.scale_predictor import ScalePredictor
from anomaly.student.closed_form.tap_wire_costs import TapWireCosts
from anomaly.student.closed_form.whitening_filters import max_delay
from anomaly.student.neuron_limits import NeuronLimits
from chip.arch import ArchSpec
from chip.compiler import compile_network
from chip.network import Network
from chip.rules import check
from chip.sim.simulator import Simulator

Centibels = npt.NDArray[np.int32]
PLAN = ClosedFormPlan()
LOSSY = PLAN.for_lossy_link()
STILL = PLAN.without_leak()


def fit(
    training: list[Centibels], held_out: list[Centibels], limits: NeuronLimits, plan: ClosedFormPlan = PLAN
) -> Circuit:
    return closed_form(training, held_out, delta_code(training, plan), plan, limits)


@pytest.fixture(scope="module")
def student(training: list[Centibels], held_out: list[Centibels], limits: NeuronLimits) -> Circuit:
    return fit(training, held_out, limits)


def errors_of(circuit: Circuit, arch: ArchSpec) -> list[str]:
    return [str(finding) for finding in check(circuit.to_network(), arch) if finding.severity == "error"]


def test_it_keeps_every_limit(student: Circuit, senna: ArchSpec, limits: NeuronLimits) -> None:
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
def test_one_leading_band_does_not_overload_its_wire(
    shared: int, senna: ArchSpec, limits: NeuronLimits
) -> None:
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
    limits: NeuronLimits,
    fan_in: int,
    weight_max: int,
    threshold_max: int,
) -> None:
    small = replace(limits, fan_in=fan_in, weight_max=weight_max, threshold_max=threshold_max)
    circuit = fit(training, held_out, small)
    assert circuit.to_network().fan_in().max() <= fan_in
    assert (circuit.sums.weights != 0).sum(axis=1).max() <= fan_in
    for weights in (circuit.weights, circuit.heard, circuit.sums.weights):
        assert np.abs(weights).max() <= weight_max
    assert circuit.thresholds.max() <= threshold_max
    assert circuit.sums.quanta.max() <= threshold_max


def test_a_plan_may_ask_for_fewer_synapses(
    training: list[Centibels], held_out: list[Centibels], limits: NeuronLimits
) -> None:
    circuit = fit(training, held_out, limits, replace(PLAN, fan_in=5, direct=3))
    assert (circuit.sums.weights != 0).sum(axis=1).max() <= 5
    assert (circuit.weights != 0).sum(axis=1).max() <= 3


def test_wiring(student: Circuit) -> None:
    count = len(PLAN.kinds) * 32
    assert student.kinds == (*PLAN.kinds, "slow")
    assert student.weights.shape == (6 * count, (1 + max_delay(PLAN.kinds)) * 32)
    assert (student.bands, student.delays, student.micro_steps) == (32, 2, 4)
    assert student.channels[:32].tolist() == [band // 2 for band in range(32)]
    # Two neighbouring bands a group, of each two signs and three quantiles, which count once, twice and three times.
    assert np.bincount(student.channels).tolist() == [12] * 16
    assert student.divisors.tolist() == [12] * 32
    above, below = student.weights.reshape(2, 3, count, -1)
    assert np.array_equal(above, -below)
    assert (above == above[0]).all()
    # Each comparator hears the sum of its own row and the scale of its channel, and nothing else.
    to_rest, to_scale = student.heard[:, :count], student.heard[:, count:]
    row, own = np.nonzero(to_rest)
    assert (row % count == own).all()
    row, channel = np.nonzero(to_scale)
    assert (student.channels[row] == channel).all()
    assert (to_scale <= 0).all()


def every_spike(network: Network, events: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    neurons = Simulator(network, v_sat=2047).run(events, record="all").neurons
    assert neurons is not None
    return neurons[:, 0]


def fired(student: Circuit, segment: Centibels, training: list[Centibels]) -> npt.NDArray[np.int8]:
    """Spikes of comparators without those of the warm-up, [steps, signs, quantiles, errors]."""
    network = student.to_network()
    code = replace(delta_code(training, PLAN), leak=student.leak)
    events = DeltaEncoder(code).push(segment[None]).reshape(-1, 1, 32)
    comparators = [i for i, label in enumerate(network.labels) if label.endswith("comparator")]
    return every_spike(network, events)[32:, comparators].reshape(-1, 2, 3, 32)


def test_comparators_fire_as_rarely_as_told(
    student: Circuit, training: list[Centibels], held_out: list[Centibels]
) -> None:
    rate = np.mean([fired(student, segment, training).mean(axis=(0, 3)) for segment in held_out], axis=0)
    for found, quantile in zip(rate.mean(axis=0), PLAN.quantiles, strict=True):
        assert 0.6 * (1 - quantile) < found < 1.6 * (1 - quantile)


def test_what_is_beyond_a_height_is_beyond_all_below(
    student: Circuit, training: list[Centibels], held_out: list[Centibels]
) -> None:
    heights = fired(replace(student, heard=0 * student.heard), held_out[0], training)
    assert (heights[:, :, 1:] <= heights[:, :, :-1]).all()
    assert not (heights[:, 0] & heights[:, 1]).any()


@pytest.mark.parametrize("leak", [0, 2, 4])
def test_membranes_are_those_of_the_chip(
    training: list[Centibels], held_out: list[Centibels], limits: NeuronLimits, leak: int
) -> None:
    """Spikes of the simulator's comparators are where membranes less what scales allow are beyond the thresholds."""
    plan = replace(PLAN, leak=leak)
    code = delta_code(training, plan)
    rows = _whole_rows(training, code, plan, limits)
    circuit = fit(training, held_out, limits, plan)
    channels = circuit.channels[:32]
    widths = _widths(training, code, (rows, channels), PLAN, limits)
    heard = first_layer_input(held_out[:1], code, rows, widths, 2)
    allowed = -circuit.heard[np.arange(192), 32 + np.tile(channels, 6)].reshape(2, 3, 32)
    heights = circuit.thresholds.reshape(2, 3, 32)
    expected = [
        [heard.level(sign, allowed[side, q], channels)[0][0] >= heights[side, q] for q in range(3)]
        for side, sign in enumerate((1, -1))
    ]
    spikes = fired(circuit, held_out[0], training)
    assert np.array_equal(spikes, np.array(expected).transpose(2, 0, 1, 3)[32:])
    # Without its scale, and the scale alone: together, but for the leak's rounding, what the two make of it.
    held, told = heard.warm()
    together = held - told[:, channels] * allowed[0, 0]
    assert np.abs(together - heard.level(1, allowed[0, 0], channels)[0][0, 32:]).max() <= (
        3 << code.leak if leak else 0
    )


def test_a_lost_event_is_forgotten(
    training: list[Centibels], held_out: list[Centibels], limits: NeuronLimits
) -> None:
    """Without the leak comparators that missed an event are off until the reset, with it hardly after two seconds."""
    late = {}
    for plan in (PLAN, STILL):
        code = delta_code(training, plan)
        network = fit(training, held_out, limits, plan).to_network()
        events = DeltaEncoder(code).push(held_out[0][None]).reshape(-1, 1, 32)
        first = 200 + int(np.flatnonzero(events[200:, 0, 16])[0])
        fewer = events.copy()
        fewer[first, 0, 16] = 0
        differ = every_spike(network, events) != every_spike(network, fewer)
        late[plan.leak] = int(differ[first + 250 :].sum())
    # A membrane below 2^n keeps what it has, so a little of it stays.
    assert 0 < late[PLAN.leak] < 0.3 * late[0]


@pytest.mark.parametrize(
    ("change", "can"),
    [
        ({}, True),
        ({"leaks": ()}, False),
        ({"leaks": (1, 2, 4, 5, 6)}, False),
        ({"weight_max": 15}, True),
        ({"weight_max": 7}, False),
    ],
)
def test_a_plan_leaks_as_far_as_the_chip_can(limits: NeuronLimits, change: dict[str, Any], can: bool) -> None:
    """It goes without, quietly, or says so where the link is known to lose events."""
    chip = replace(limits, **change)
    assert STILL.on(chip) == STILL
    assert PLAN.on(chip) == (PLAN if can else STILL)
    if can:
        assert LOSSY.on(chip) == LOSSY
    else:
        with pytest.raises(UsageError, match="--lossy-link: the chip has no leak of 2\\^-3"):
            LOSSY.on(chip)


def test_a_plan_without_a_leak_has_larger_events() -> None:
    assert (PLAN.leak, STILL.leak) == (1, 0)
    assert STILL.step > PLAN.step
    assert STILL.without_leak() is STILL
    assert replace(PLAN, step=0.5).without_leak().step == 0.5
    with pytest.raises(ModelError, match="no plan for a student"):
        LOSSY.without_leak()


def test_with_phases_nothing_leaks_but_on_a_lossy_link() -> None:
    phases = PLAN.for_phases()
    assert phases.leak == 0
    assert phases.step < STILL.step
    lossy = phases.for_lossy_link()
    assert lossy == LOSSY.for_phases()
    assert (lossy.quantiles, lossy.loads, lossy.step) == (phases.quantiles, phases.loads, PLAN.step)
    assert lossy.leak > 0


def test_the_leak_is_that_of_the_encoder(
    training: list[Centibels], held_out: list[Centibels], limits: NeuronLimits
) -> None:
    assert PLAN.leak_per_step == LOSSY.leak_per_step == 3
    assert replace(PLAN, micro_steps=2).leak_per_step == 2
    assert delta_code(training, PLAN).leak == fit(training, held_out, limits).leak == 3
    with pytest.raises(ModelError, match="leak of 2\\^-3"):
        fit(training, held_out, replace(limits, leaks=(1, 2, 4)), PLAN)


def hall(random: np.random.Generator) -> Centibels:
    """Loud and quiet by turns; the loud moments scatter more."""
    loud = np.repeat(random.integers(0, 2, 10), 30)[:, None]
    noise = (100 + 300 * loud) * random.standard_normal((300, 32))
    return np.rint(-5000 + 400 * loud + noise).astype(np.int32)


def test_thresholds_follow_a_hall_that_is_loud_and_quiet_by_turns(limits: NeuronLimits) -> None:
    """Comparators fire more evenly in loud and quiet stretches than thresholds that stand still would let them."""
    random = np.random.default_rng(2)
    training, held_out, other = ([hall(random) for _ in range(count)] for count in (12, 4, 4))
    follows = fit(training, held_out, limits)
    assert (follows.heard[:, 32:] < 0).any(axis=1).mean() > 0.9

    def unevenness(circuit: Circuit) -> float:
        rates: dict[bool, list[float]] = {True: [], False: []}
        for one in other:
            by_frame = fired(circuit, one, training).mean(axis=(1, 2, 3)).reshape(292, 4).mean(axis=1)
            for stretch in range(1, 10):
                # The frames in which a stretch begins are news to everybody.
                begin = 30 * stretch
                loud = bool(one[begin + 6 : begin + 30].mean() > -4800)
                rates[loud].append(float(by_frame[begin - 2 : begin + 22].mean()))
        return float(np.mean(rates[True]) / np.mean(rates[False]))

    still = follows.heard.copy()
    still[:, 32:] = 0
    assert unevenness(follows) < 0.7 * unevenness(replace(follows, heard=still))


def test_errors_are_nearly_white_on_sound_never_seen(
    training: list[Centibels], held_out: list[Centibels], limits: NeuronLimits
) -> None:
    code = delta_code(training, PLAN)
    rows = _whole_rows(training, code, PLAN, limits)
    none = ScalePredictor(np.zeros((16, 96), np.int32), np.ones(16, np.int32), np.zeros(16))
    held, _ = first_layer_input(held_out, code, rows, none, 2).warm()
    # After the last event of each frame.
    related = np.corrcoef(held[3::4].T) - np.eye(32)
    bands = np.corrcoef(np.concatenate(held_out).T) - np.eye(32)
    assert np.abs(related).mean() < 0.3 * np.abs(bands).mean()
    assert np.abs(held.std(axis=0) / rows.deviations - 1).mean() < 0.3


def test_encoder_settings(training: list[Centibels]) -> None:
    code = delta_code(training, PLAN)
    everything = np.concatenate(training)
    assert np.abs(code.mean - everything.mean(axis=0)).max() <= 0.5
    code, finer, coarser = (
        delta_code(training, replace(PLAN, micro_steps=16, step=share * PLAN.step))
        for share in (1.0, 0.5, 2.0)
    )
    assert finer.threshold == pytest.approx(code.threshold / 2, abs=1)
    assert coarser.threshold == pytest.approx(code.threshold * 2, abs=1)
    assert (code.threshold <= everything.std(axis=0) + 1).all()
    still = [np.full((50, 32), -7000, np.int32)]
    assert (delta_code(still, PLAN).threshold == 20).all()


def test_every_second_band_may_do(
    training: list[Centibels], held_out: list[Centibels], limits: NeuronLimits, senna: ArchSpec
) -> None:
    plan = replace(PLAN, kinds=("frame",), quantiles=(0.95,), loads=(1,), stride=2, fan_in=3)
    circuit = fit(training, held_out, limits, plan)
    assert circuit.channels.tolist() == 2 * list(range(16))
    labels = circuit.to_network().labels
    assert sum(label.endswith("comparator") for label in labels) == 2 * 16
    assert not any(label.startswith("relay") for label in labels)
    assert errors_of(circuit, senna) == []


def test_wires_cost(training: list[Centibels], held_out: list[Centibels], limits: NeuronLimits) -> None:
    """Where wires to far bands are dear, synapses reach less far."""
    away = np.abs(np.arange(96) % 32 - np.arange(32)[:, None])
    far = TapWireCosts(1.0 + 30 * away, np.ones((16, 96)))

    def reach(prices: TapWireCosts | None) -> float:
        circuit = closed_form(training, held_out, delta_code(training, PLAN), PLAN, limits, prices)
        row, tap = np.nonzero(circuit.sums.weights[:32])
        return float(np.abs(tap % 32 - row % 32).mean())

    assert reach(far) < 0.7 * reach(None)


@pytest.mark.parametrize(
    "change",
    [
        {"kinds": ("change", "frame")},
        {"kinds": ("loud",)},
        {"loads": (1,)},
        {"loads": (0, 1, 2)},
        {"quantiles": ()},
        {"quantiles": (0.9, 1.5, 0.99)},
        {"direct": 0},
        {"fan_in": 0},
        {"step": 0.0},
        {"step": float("nan")},
        {"micro_steps": 0},
        {"least_gain": -1.0},
        {"lossy": True, "leak": 0},
    ],
)
def test_a_plan_that_is_none(change: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="no plan for a student"):
        replace(PLAN, **change)


def test_a_chip_with_hardly_any_synapses_is_refused(
    training: list[Centibels], held_out: list[Centibels], limits: NeuronLimits
) -> None:
    with pytest.raises(ModelError, match="2 synapses is too small for any student"):
        fit(training, held_out, replace(limits, fan_in=2))


def test_sound_that_never_moves_gives_a_student_that_fits(senna: ArchSpec, limits: NeuronLimits) -> None:
    still = [np.full((100, 32), -12_000, np.int32)] * 3
    assert errors_of(fit(still, still, limits), senna) == []


def test_events_keep_up_with_a_machine_that_changes_fast(training: list[Centibels]) -> None:
    """A step is as the plan says, or so much larger that a frame's events reach nearly every change."""
    random = np.random.default_rng(3)
    jumps = [one + 3000 * (random.random((len(one), 1)) < 0.1).astype(np.int32) for one in training]

    def behind(segments: list[Centibels], micro_steps: int) -> float:
        code = delta_code(segments, replace(PLAN, micro_steps=micro_steps))
        changes = np.concatenate([np.abs(np.diff(one[8:], axis=0)) for one in segments])
        return float((changes > micro_steps * code.threshold).mean())

    assert behind(jumps, 2) < 0.04
    assert behind(jumps, 1) < 0.04
    one, other = (delta_code(training, replace(PLAN, micro_steps=n)).threshold for n in (16, 64))
    assert one.tolist() == other.tolist()
