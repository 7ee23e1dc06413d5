"""Imperfect chips: the same seed gives the same bits from both engines, for any order and batching."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from chip import Imperfection, Network, NetworkError, Simulator, load_arch, run_series
from chip.sim.counter_rng import gaussian, key_of, noise_table, words
from chip.sim.imperfection import Deviation
from chip.sim.simulator import EngineName, SimulationResult
from chip.sim.stimulus import random_spikes
from chip.testing import layered_network, random_network

HAS_NUMBA = importlib.util.find_spec("numba") is not None
ENGINES = pytest.mark.parametrize(
    "engine",
    ["numpy", pytest.param("compiled", marks=pytest.mark.skipif(not HAS_NUMBA, reason="needs Numba"))],
)
EVERYTHING = Imperfection(
    weight_mismatch_sigma=0.1, noise_sigma=1.5, lost_events=0.05, extra_leak_shift=7, seed=11
)
SENNA = load_arch("senna")


def network() -> Network:
    return random_network(SENNA, seed=4, inputs=40, neurons=100, outputs=8, fan_in=12)


def same(one: SimulationResult, other: SimulationResult) -> None:
    np.testing.assert_array_equal(np.asarray(one.neurons), np.asarray(other.neurons))
    np.testing.assert_array_equal(one.outputs, other.outputs)
    np.testing.assert_array_equal(one.neuron_spikes, other.neuron_spikes)
    np.testing.assert_array_equal(one.peak_membrane, other.peak_membrane)
    for name in ("sop", "spikes", "input_spikes", "saturations"):
        assert getattr(one, name) == getattr(other, name)


def run(
    spikes: NDArray[np.int8], imperfection: Imperfection | None, engine: EngineName = "numpy", **more: Any
) -> SimulationResult:
    simulator = Simulator(network(), v_sat=200, engine=engine, imperfection=imperfection, **more)
    return simulator.run(spikes, record="all")


@pytest.mark.skipif(not HAS_NUMBA, reason="needs Numba")
@pytest.mark.parametrize(
    "imperfection",
    [
        Imperfection(weight_mismatch_sigma=0.05, seed=1),
        Imperfection(weight_mismatch_sigma=1.0, seed=1),
        Imperfection(noise_sigma=3.0, seed=2),
        Imperfection(lost_events=0.5, seed=3),
        Imperfection(extra_leak_shift=4),
        EVERYTHING,
    ],
)
def test_both_engines_give_the_same_bits(imperfection: Imperfection) -> None:
    spikes = random_spikes(40, 120, streams=5, rate=0.2)
    plain = run(spikes, imperfection)
    same(plain, run(spikes, imperfection, "compiled"))
    assert plain.spikes > 0
    assert not np.array_equal(np.asarray(plain.neurons), np.asarray(run(spikes, None).neurons))


@ENGINES
def test_no_imperfection_changes_nothing(engine: EngineName) -> None:
    spikes = random_spikes(40, 100, streams=3, rate=0.2)
    same(run(spikes, Imperfection(seed=9), engine), run(spikes, None))


@ENGINES
def test_fractions_alone_change_nothing(engine: EngineName) -> None:
    # So small a mismatch rounds to none, but membranes do get fractional bits; whole leaks must stay whole.
    spikes = random_spikes(40, 200, streams=3, rate=0.2)
    same(run(spikes, Imperfection(weight_mismatch_sigma=1e-12), engine), run(spikes, None))


@ENGINES
def test_splitting_and_batching_give_the_same_bits(engine: EngineName) -> None:
    spikes = random_spikes(40, 60, streams=4, rate=0.2)
    whole = run(spikes, EVERYTHING, engine)
    simulator = Simulator(network(), v_sat=200, engine=engine, imperfection=EVERYTHING)
    parts = [np.asarray(simulator.run(part, record="all").neurons) for part in np.split(spikes, [7, 8, 31])]
    np.testing.assert_array_equal(np.concatenate(parts), np.asarray(whole.neurons))
    alone = run(spikes[:, 2:3], EVERYTHING, engine, first_stream=2)
    np.testing.assert_array_equal(np.asarray(alone.neurons)[:, 0], np.asarray(whole.neurons)[:, 2])
    simulator.reset()
    np.testing.assert_array_equal(simulator.run(spikes).outputs, whole.outputs)


@ENGINES
def test_chips_of_a_series_differ_and_repeat(engine: EngineName) -> None:
    spikes = random_spikes(40, 60, streams=2, rate=0.2)
    runs = list(
        run_series(
            network(), spikes, v_sat=200, imperfection=EVERYTHING, chips=6, engine=engine, record="all"
        )
    )
    assert len({np.asarray(one.neurons).tobytes() for one in runs}) == 6
    for number in (0, 5):
        same(runs[number], run(spikes, EVERYTHING, chip=number))
    other_seed = Imperfection(weight_mismatch_sigma=0.1, noise_sigma=1.5, seed=12)
    assert not np.array_equal(run(spikes, other_seed).outputs, runs[0].outputs)


def test_mismatch_has_the_specified_deviation() -> None:
    full = layered_network(SENNA, seed=0)
    chip = Deviation(Imperfection(weight_mismatch_sigma=0.05, seed=3)).mismatched(full)
    factor = chip["weight"] / (full.weight * 256.0)
    assert factor.mean() == pytest.approx(1, abs=0.002)
    assert factor.std() == pytest.approx(0.05, abs=0.002)
    assert (np.sign(chip["weight"]) == np.sign(full.weight)).all()
    assert np.corrcoef(chip["theta_p"] / full.theta_p, chip["w_fb"] / full.w_fb)[0, 1] < 0.2


def test_synapse_keeps_its_factor_when_another_is_removed() -> None:
    full, left = network(), np.arange(1, network().n_synapses)
    fewer = Network(
        n_inputs=full.n_inputs,
        **full.arrays() | {name: getattr(full, name)[left] for name in ("source", "target", "weight")},
    )
    deviation = Deviation(Imperfection(weight_mismatch_sigma=0.2, seed=1))
    np.testing.assert_array_equal(
        deviation.mismatched(fewer)["weight"], deviation.mismatched(full)["weight"][1:]
    )


def test_share_of_lost_events() -> None:
    spikes = random_spikes(40, 2000, streams=2, rate=0.2)
    lost = 1 - run(spikes, Imperfection(lost_events=0.1)).input_spikes / np.count_nonzero(spikes)
    assert lost == pytest.approx(0.1, abs=0.01)
    assert run(spikes, Imperfection(lost_events=1.0)).input_spikes == 0


def test_random_numbers_are_normal_and_counter_based() -> None:
    numbers = gaussian(words(key_of(1, 2), np.arange(100_000)))
    assert numbers.mean() == pytest.approx(0, abs=0.02)
    assert numbers.std() == pytest.approx(1, abs=0.02)
    # Pinned: the same seed must give the same chips in every version.
    assert words(key_of(1, 2), np.arange(9))[5] == 4356551549751739576
    assert key_of(1, 2) != key_of(2, 1)
    table = noise_table(100.0)
    assert table.std() == pytest.approx(100, rel=0.01)
    np.testing.assert_array_equal(table, -table[::-1])


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"weight_mismatch_sigma": -0.1}, "weight_mismatch_sigma"),
        ({"noise_sigma": float("nan")}, "noise_sigma"),
        ({"noise_sigma": "much"}, "noise_sigma"),
        ({"lost_events": 1.1}, "lost_events"),
        ({"extra_leak_shift": 31}, "extra_leak_shift"),
        ({"extra_leak_shift": 1.5}, "extra_leak_shift"),
        ({"seed": -1}, "seed"),
        ({"seed": True}, "seed"),
    ],
)
def test_invalid_imperfections_are_refused(values: dict[str, Any], where: str) -> None:
    with pytest.raises(NetworkError) as caught:
        Imperfection(**values)
    assert caught.value.where == where


def test_invalid_chips_are_refused() -> None:
    spikes = random_spikes(40, 3)
    with pytest.raises(NetworkError, match="chips"):
        next(run_series(network(), spikes, v_sat=10, imperfection=EVERYTHING, chips=0))
    with pytest.raises(NetworkError, match="chip"):
        run(spikes, EVERYTHING, chip=-1)
    with pytest.raises(NetworkError, match="first_stream"):
        run(spikes, EVERYTHING, first_stream=-1)
    with pytest.raises(NetworkError, match="without imperfections"):
        Simulator(network(), v_sat=10).for_chip(1)
