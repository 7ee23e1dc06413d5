"""The closed form fits the chip by construction; comparators fire on normal sound at the rate of their quantiles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from anomaly.errors import ModelError
from anomaly.features.delta_encoder import DeltaEncoder
from anomaly.student.circuit import Circuit
from anomaly.student.closed_form.closed_form import fit_closed_form, fit_scales
from anomaly.student.closed_form.encoder_fit import fit_delta_code
from anomaly.student.closed_form.error_filters import fit_error_filters
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
LEAKLESS = PLAN.without_leak()


def fit(
    training: list[Centibels], held_out: list[Centibels], limits: NeuronLimits, plan: ClosedFormPlan = PLAN
) -> Circuit:
    return fit_closed_form(training, held_out, fit_delta_code(training, plan), plan, limits)


@pytest.fixture(scope="module")
def student(training: list[Centibels], held_out: list[Centibels], limits: NeuronLimits) -> Circuit:
    return fit(training, held_out, limits)


def errors_of(circuit: Circuit, arch: ArchSpec) -> list[str]:
    return [str(finding) for finding in check(circuit.to_network(), arch) if finding.severity == "error"]


@pytest.mark.slow
def test_the_student_keeps_every_limit(student: Circuit, senna: ArchSpec, limits: NeuronLimits) -> None:
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
def test_one_dominant_band_keeps_the_fan_out(shared: int, senna: ArchSpec, limits: NeuronLimits) -> None:
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
def test_the_student_keeps_the_limits_of_smaller_chips(
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
    for weights in (circuit.tap_weights, circuit.sum_weights, circuit.sums.weights):
        assert np.abs(weights).max() <= weight_max
    assert circuit.thresholds.max() <= threshold_max
    assert circuit.sums.quanta.max() <= threshold_max


def test_a_plan_may_have_fewer_synapses(
    training: list[Centibels], held_out: list[Centibels], limits: NeuronLimits
) -> None:
    circuit = fit(training, held_out, limits, replace(PLAN, sum_fan_in=5, direct_fan_in=3))
    assert (circuit.sums.weights != 0).sum(axis=1).max() <= 5
    assert (circuit.tap_weights != 0).sum(axis=1).max() <= 3


def test_wiring(student: Circuit) -> None:
    count = len(PLAN.kinds) * 32
    assert student.kinds == (*PLAN.kinds, "slow")
    assert student.tap_weights.shape == (6 * count, (1 + max_delay(PLAN.kinds)) * 32)
    assert (student.bands, student.delays, student.micro_steps) == (32, max_delay(PLAN.kinds), 4)
    assert student.channels[:32].tolist() == [band // 2 for band in range(32)]
    # Two neighbouring bands a group, of each two signs and three quantiles; divisors are all loads of one sign.
    assert np.bincount(student.channels).tolist() == [12] * 16
    assert student.divisors.tolist() == [2 * sum(PLAN.loads)] * 32
    above, below = student.tap_weights.reshape(2, 3, count, -1)
    assert np.array_equal(above, -below)
    assert (above == above[0]).all()
    # Each comparator has synapses from the sum of its filter and from the scale of its channel, and no others.
    from_sum, from_scale = student.sum_weights[:, :count], student.sum_weights[:, count:]
    row, own = np.nonzero(from_sum)
    assert (row % count == own).all()
    row, channel = np.nonzero(from_scale)
    assert (student.channels[row] == channel).all()
    assert (from_scale <= 0).all()


def every_spike(network: Network, events: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    neurons = Simulator(network, v_sat=2047).run(events, record="all").neurons
    assert neurons is not None
    return neurons[:, 0]


def fired(student: Circuit, segment: Centibels, training: list[Centibels]) -> npt.NDArray[np.int8]:
    """Return spikes of comparators without those of the warm-up, [steps, signs, quantiles, errors]."""
    network = student.to_network()
    code = replace(fit_delta_code(training, PLAN), leak=student.leak)
    events = DeltaEncoder(code).push(segment[None]).reshape(-1, 1, 32)
    comparators = [i for i, label in enumerate(network.labels) if label.endswith("comparator")]
    return every_spike(network, events)[32:, comparators].reshape(-1, 2, 3, 32)


def test_comparators_fire_at_the_rate_of_their_quantiles(
    student: Circuit, training: list[Centibels], held_out: list[Centibels]
) -> None:
    rate = np.mean([fired(student, segment, training).mean(axis=(0, 3)) for segment in held_out], axis=0)
    for found, quantile in zip(rate.mean(axis=0), PLAN.quantiles, strict=True):
        assert 0.6 * (1 - quantile) < found < 1.6 * (1 - quantile)


def test_errors_beyond_a_threshold_are_beyond_all_lower_ones(
    student: Circuit, training: list[Centibels], held_out: list[Centibels]
) -> None:
    thresholds = fired(replace(student, sum_weights=0 * student.sum_weights), held_out[0], training)
    assert (thresholds[:, :, 1:] <= thresholds[:, :, :-1]).all()
    assert not (thresholds[:, 0] & thresholds[:, 1]).any()


@pytest.mark.parametrize("leak", [0, 2, 4])
def test_simulated_membranes_are_those_of_the_chip(
    training: list[Centibels], held_out: list[Centibels], limits: NeuronLimits, leak: int
) -> None:
    """Comparators of the simulator fire where the predicted membranes are at or beyond the thresholds."""
    plan = replace(PLAN, leak=leak)
    code = fit_delta_code(training, plan)
    filters = fit_error_filters(training, code, plan, limits)
    circuit = fit(training, held_out, limits, plan)
    channels = circuit.channels[:32]
    scales = fit_scales(training, code, (filters, channels), PLAN, limits)
    received = first_layer_input(held_out[:1], code, filters, scales, max_delay(PLAN.kinds))
    scale_weights = -circuit.sum_weights[np.arange(192), 32 + np.tile(channels, 6)].reshape(2, 3, 32)
    thresholds = circuit.thresholds.reshape(2, 3, 32)
    expected = [
        [
            received.comparator_potentials(sign, scale_weights[side, q], channels)[0][0]
            >= thresholds[side, q]
            for q in range(3)
        ]
        for side, sign in enumerate((1, -1))
    ]
    spikes = fired(circuit, held_out[0], training)
    assert np.array_equal(spikes, np.array(expected).transpose(2, 0, 1, 3)[32:])
    # The membrane without its scale, and the scale alone, add up to the membrane but for the leak's rounding.
    membrane, scale = received.after_warm_up()
    together = membrane - scale[:, channels] * scale_weights[0, 0]
    assert np.abs(
        together - received.comparator_potentials(1, scale_weights[0, 0], channels)[0][0, 32:]
    ).max() <= (3 << code.leak if leak else 0)


def test_the_error_of_a_lost_event_decays(
    training: list[Centibels], held_out: list[Centibels], limits: NeuronLimits
) -> None:
    """Without the leak a lost event has an effect until the reset, with it hardly any after two seconds."""
    late = {}
    for plan in (PLAN, LEAKLESS):
        code = fit_delta_code(training, plan)
        network = fit(training, held_out, limits, plan).to_network()
        events = DeltaEncoder(code).push(held_out[0][None]).reshape(-1, 1, 32)
        first = 200 + int(np.flatnonzero(events[200:, 0, 16])[0])
        fewer = events.copy()
        fewer[first, 0, 16] = 0
        differ = every_spike(network, events) != every_spike(network, fewer)
        late[plan.leak] = int(differ[first + 250 :].sum())
    # A membrane below 2^n does not decay, so a small effect remains.
    assert 0 < late[PLAN.leak] < 0.3 * late[0]


def test_circuit_and_encoder_have_the_same_leak(
    training: list[Centibels], held_out: list[Centibels], limits: NeuronLimits
) -> None:
    assert PLAN.leak_per_step == LOSSY.leak_per_step == 3
    assert replace(PLAN, micro_steps=2).leak_per_step == 2
    assert fit_delta_code(training, PLAN).leak == fit(training, held_out, limits).leak == 3
    with pytest.raises(ModelError, match="leak of 2\\^-3"):
        fit(training, held_out, replace(limits, leaks=(1, 2, 4)), PLAN)


def varying_hall(random: np.random.Generator) -> Centibels:
    """Return levels that are loud and quiet by turns; the loud moments scatter more."""
    loud = np.repeat(random.integers(0, 2, 10), 30)[:, None]
    noise = (100 + 300 * loud) * random.standard_normal((300, 32))
    return np.rint(-5000 + 400 * loud + noise).astype(np.int32)


def test_thresholds_follow_the_loudness(limits: NeuronLimits) -> None:
    """Comparators fire more evenly in loud and quiet stretches than with constant thresholds."""
    random = np.random.default_rng(2)
    training, held_out, other = ([varying_hall(random) for _ in range(count)] for count in (12, 4, 4))
    follows = fit(training, held_out, limits)
    assert (follows.sum_weights[:, 32:] < 0).any(axis=1).mean() > 0.9

    def unevenness(circuit: Circuit) -> float:
        rates: dict[bool, list[float]] = {True: [], False: []}
        for one in other:
            by_frame = fired(circuit, one, training).mean(axis=(1, 2, 3)).reshape(292, 4).mean(axis=1)
            for stretch in range(1, 10):
                # The frames in which a stretch begins are not predictable from the past.
                begin = 30 * stretch
                loud = bool(one[begin + 6 : begin + 30].mean() > -4800)
                rates[loud].append(float(by_frame[begin - 2 : begin + 22].mean()))
        return float(np.mean(rates[True]) / np.mean(rates[False]))

    still = follows.sum_weights.copy()
    still[:, 32:] = 0
    assert unevenness(follows) < 0.7 * unevenness(replace(follows, sum_weights=still))


def test_errors_are_nearly_white_on_unseen_sound(
    training: list[Centibels], held_out: list[Centibels], limits: NeuronLimits
) -> None:
    code = fit_delta_code(training, PLAN)
    filters = fit_error_filters(training, code, PLAN, limits)
    none = ScalePredictor(np.zeros((16, 128), np.int32), np.ones(16, np.int32), np.zeros(16))
    membrane, _ = first_layer_input(held_out, code, filters, none, max_delay(PLAN.kinds)).after_warm_up()
    # After the last event of each frame.
    related = np.corrcoef(membrane[3::4].T) - np.eye(32)
    bands = np.corrcoef(np.concatenate(held_out).T) - np.eye(32)
    assert np.abs(related).mean() < 0.3 * np.abs(bands).mean()
    assert np.abs(membrane.std(axis=0) / filters.deviations - 1).mean() < 0.3


def test_a_stride_leaves_out_bands(
    training: list[Centibels], held_out: list[Centibels], limits: NeuronLimits, senna: ArchSpec
) -> None:
    plan = replace(PLAN, kinds=("frame",), quantiles=(0.95,), loads=(1,), band_stride=2, sum_fan_in=3)
    circuit = fit(training, held_out, limits, plan)
    assert circuit.channels.tolist() == 2 * list(range(16))
    labels = circuit.to_network().labels
    assert sum(label.endswith("comparator") for label in labels) == 2 * 16
    assert not any(label.startswith("relay") for label in labels)
    assert errors_of(circuit, senna) == []


def test_wire_costs_shorten_synapses(
    training: list[Centibels], held_out: list[Centibels], limits: NeuronLimits
) -> None:
    """Synapses reach less far if wires to distant bands are expensive."""
    away = np.abs(np.arange(128) % 32 - np.arange(32)[:, None])
    far = TapWireCosts(1.0 + 30 * away, np.ones((16, 128)))

    def reach(costs: TapWireCosts | None) -> float:
        circuit = fit_closed_form(training, held_out, fit_delta_code(training, PLAN), PLAN, limits, costs)
        row, tap = np.nonzero(circuit.sums.weights[:32])
        return float(np.abs(tap % 32 - row % 32).mean())

    assert reach(far) < 0.7 * reach(None)


def test_a_chip_with_hardly_any_synapses_is_refused(
    training: list[Centibels], held_out: list[Centibels], limits: NeuronLimits
) -> None:
    with pytest.raises(ModelError, match="2 synapses is too small for any student"):
        fit(training, held_out, replace(limits, fan_in=2))


def test_constant_sound_gives_a_student_that_fits(senna: ArchSpec, limits: NeuronLimits) -> None:
    still = [np.full((100, 32), -12_000, np.int32)] * 3
    assert errors_of(fit(still, still, limits), senna) == []
