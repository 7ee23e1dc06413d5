"""Simulator against a reference implementation of SENNA's neuron equation."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from chip.builder import NetworkBuilder
from chip.errors import ChipError, NetworkError
from chip.network import Network
from chip.sim.simulator import EngineName, SimulationResult, Simulator

HAS_NUMBA = importlib.util.find_spec("numba") is not None
ENGINES = pytest.mark.parametrize(
    "engine",
    ["numpy", pytest.param("compiled", marks=pytest.mark.skipif(not HAS_NUMBA, reason="needs Numba"))],
)

ENGINES_THAT_MOVE: tuple[EngineName, ...] = ("numpy", "auto")


def random_network(seed: int, *, neurons: int = 12, inputs: int = 4, scale: int = 1) -> Network:
    rng = np.random.default_rng(seed)
    connected = rng.random((neurons, inputs + neurons)) < 0.4
    target, source = np.nonzero(connected)
    return Network(
        n_inputs=inputs,
        theta_p=rng.integers(0, 12 * scale, neurons),
        theta_n=rng.integers(0, 12 * scale, neurons),
        negative=rng.integers(0, 2, neurons),
        w_fb=rng.integers(0, 12 * scale, neurons) * rng.integers(0, 2, neurons),
        decay=rng.integers(0, 5, neurons) * rng.integers(0, 2, neurons),
        source=source,
        target=target,
        weight=rng.choice([-1, 1], target.size) * rng.integers(1, 8 * scale, target.size),
        outputs=rng.permutation(neurons)[:3],
    )


def random_spikes(seed: int, steps: int, streams: int, inputs: int) -> NDArray[np.int8]:
    return np.random.default_rng(seed).integers(-1, 2, (steps, streams, inputs), dtype=np.int8)


def reference(
    network: Network, spikes: NDArray[np.int8], v_sat: int
) -> tuple[list[list[int]], dict[str, Any]]:
    """Simulate one stream, [step][input] to [step][neuron], in plain Python integers."""
    n, n_in = network.n_neurons, network.n_inputs
    v, before = [0] * n, [0] * n
    counts: dict[str, Any] = {"sop": 0, "saturations": 0, "peak": [0] * n}
    history = []
    for row in spikes.tolist():
        sources = row + before
        current = [0] * n
        for s, t, w in zip(network.source, network.target, network.weight, strict=True):
            current[t] += int(w) * sources[s]
            counts["sop"] += sources[s] != 0
        fired = []
        for j in range(n):
            sign = (v[j] > 0) - (v[j] < 0)
            shift = int(network.decay[j])
            q = v[j] - (sign * (abs(v[j]) >> shift) if shift else 0) + current[j]
            s = (
                1
                if q >= network.theta_p[j]
                else -1
                if q <= -network.theta_n[j] and network.negative[j]
                else 0
            )
            u = q - int(network.w_fb[j]) * s
            v[j] = max(-v_sat, min(v_sat, u))
            counts["saturations"] += u != v[j]
            counts["peak"][j] = max(counts["peak"][j], abs(v[j]))
            fired.append(s)
        history.append(fired)
        before = fired
    assert n_in == len(spikes[0])
    return history, counts


def assert_equal(
    result: SimulationResult, history: list[list[int]], counts: dict[str, Any], outputs: Any
) -> None:
    expected = np.array(history)
    assert result.neurons is not None
    np.testing.assert_array_equal(result.neurons[:, 0], expected)
    np.testing.assert_array_equal(result.outputs[:, 0], expected[:, outputs])
    assert result.sop == counts["sop"]
    assert result.saturations == counts["saturations"]
    assert result.peak_membrane.tolist() == counts["peak"]
    assert result.neuron_spikes.tolist() == np.count_nonzero(expected, axis=0).tolist()
    assert result.spikes == np.count_nonzero(expected)


@ENGINES
@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    v_sat=st.sampled_from([3, 20, 2047, 40_000, 2**29]),
    scale=st.sampled_from([1, 1, 3000, 10**7]),
)
def test_spikes_follow_the_equation(engine: EngineName, seed: int, v_sat: int, scale: int) -> None:
    network = random_network(seed, scale=scale)
    spikes = random_spikes(seed, 25, 1, network.n_inputs)
    result = Simulator(network, v_sat=v_sat, engine=engine).run(spikes, record="all")
    assert result.input_spikes == np.count_nonzero(spikes)
    assert_equal(result, *reference(network, spikes[:, 0], v_sat), network.outputs)


@ENGINES
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), cuts=st.lists(st.integers(0, 40), max_size=6))
def test_any_split_gives_the_same_bits(engine: EngineName, seed: int, cuts: list[int]) -> None:
    network = random_network(seed)
    spikes = random_spikes(seed, 40, 2, network.n_inputs)
    whole = Simulator(network, v_sat=25).run(spikes, record="all")
    simulator = Simulator(network, v_sat=25, engine=engine)
    parts = [simulator.run(part, record="all") for part in np.split(spikes, sorted(cuts))]
    np.testing.assert_array_equal(np.concatenate([part.outputs for part in parts]), whole.outputs)
    np.testing.assert_array_equal(np.concatenate([part.neurons for part in parts]), whole.neurons)
    for name in ("sop", "spikes", "saturations"):
        assert sum(getattr(part, name) for part in parts) == getattr(whole, name)
    peaks = np.max([part.peak_membrane for part in parts], axis=0)
    np.testing.assert_array_equal(peaks, whole.peak_membrane)


@ENGINES
@pytest.mark.parametrize("streams", [2, 7, 300])
def test_batch_equals_its_streams_one_by_one(streams: int, engine: EngineName) -> None:
    network = random_network(5, neurons=30)
    spikes = random_spikes(6, 60, streams, network.n_inputs)
    batch = Simulator(network, v_sat=100, engine=engine).run(spikes)
    alone = [Simulator(network, v_sat=100).run(spikes[:, [at]]) for at in range(streams)]
    np.testing.assert_array_equal(batch.outputs, np.concatenate([one.outputs for one in alone], axis=1))
    assert batch.sop == sum(one.sop for one in alone)
    assert batch.saturations == sum(one.saturations for one in alone)


@ENGINES
def test_blocks_give_the_same_result(engine: EngineName, monkeypatch: pytest.MonkeyPatch) -> None:
    network, spikes = random_network(8), random_spikes(9, 50, 3, 4)
    whole = Simulator(network, v_sat=50).run(spikes)
    for name in ("numpy_engine.NumpyEngine", "compiled.engine.CompiledEngine"):
        monkeypatch.setattr(f"chip.sim.{name}.block_values", 100)
    again = Simulator(network, v_sat=50, engine=engine).run(spikes)
    np.testing.assert_array_equal(again.outputs, whole.outputs)
    assert (again.sop, again.saturations) == (whole.sop, whole.saturations)


def test_missing_numba_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ChipError, match="Numba is not installed"):
        Simulator(random_network(1), v_sat=10, engine="compiled")


@pytest.mark.skipif(not HAS_NUMBA, reason="needs Numba")
def test_change_to_the_compiled_engine_gives_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    network, spikes = random_network(8, neurons=40), random_spikes(9, 60, 9, 4)
    monkeypatch.setattr("chip.sim.simulator._AUTO_NEURON_STEPS", 40 * 9 * 30)
    monkeypatch.setattr("chip.sim.simulator.is_loaded", lambda: False)
    plain, moving = (Simulator(network, v_sat=50, engine=engine) for engine in ENGINES_THAT_MOVE)
    for part in np.split(spikes, [20, 35, 50]):
        one, other = (simulator.run(part, record="all") for simulator in (plain, moving))
        np.testing.assert_array_equal(np.asarray(one.neurons), np.asarray(other.neurons))
        assert (one.sop, one.saturations) == (other.sop, other.saturations)
    assert type(moving._engine).__name__ == "CompiledEngine"
    monkeypatch.setattr("chip.sim.simulator.is_loaded", lambda: True)
    begun = Simulator(network, v_sat=50, engine="auto")
    np.testing.assert_array_equal(begun.run(spikes).outputs, Simulator(network, v_sat=50).run(spikes).outputs)


@ENGINES
@pytest.mark.parametrize("at", [0, 39])
def test_refused_run_leaves_the_state_unchanged(engine: EngineName, at: int) -> None:
    network, spikes = random_network(8), random_spikes(9, 40, 3, 4)
    simulator = Simulator(network, v_sat=50, engine=engine)
    simulator.run(spikes)
    wrong = spikes.copy()
    wrong[at, 1, 2] = 2 if at else -128
    with pytest.raises(NetworkError, match="other than -1, 0"):
        simulator.run(wrong)
    twice = Simulator(network, v_sat=50).run(np.concatenate([spikes, spikes]))
    np.testing.assert_array_equal(simulator.run(spikes).outputs, twice.outputs[40:])


@ENGINES
@pytest.mark.parametrize("fan_in", [3, 25])
def test_networks_of_many_tiles(engine: EngineName, fan_in: int) -> None:
    # Local connections become rows of weights, far ones stay lists; both kinds, and more than 64 tiles.
    neurons, inputs = 2500, 70
    rng = np.random.default_rng(fan_in)
    target = np.repeat(np.arange(neurons), fan_in)
    near = (target + np.tile(np.arange(fan_in), neurons)) % (inputs + neurons)
    far = rng.permuted(np.tile(np.arange(inputs + neurons), (neurons, 1)), axis=1)[:, :fan_in].ravel()
    network = Network(
        n_inputs=inputs,
        theta_p=rng.integers(5, 60, neurons),
        theta_n=rng.integers(5, 60, neurons),
        negative=rng.integers(0, 2, neurons),
        w_fb=rng.integers(5, 60, neurons),
        decay=np.zeros(neurons, int),
        source=np.where(target % 2 == 0, near, far),
        target=target,
        weight=rng.choice([-1, 1], target.size) * rng.integers(1, 200, target.size),
        outputs=rng.permutation(neurons)[:50],
    )
    spikes = random_spikes(1, 40, 2, inputs)
    one = Simulator(network, v_sat=400).run(spikes, record="all")
    other = Simulator(network, v_sat=400, engine=engine).run(spikes, record="all")
    assert one.spikes > 1000
    np.testing.assert_array_equal(np.asarray(one.neurons), np.asarray(other.neurons))
    assert (one.sop, one.saturations) == (other.sop, other.saturations)
    np.testing.assert_array_equal(one.peak_membrane, other.peak_membrane)


def test_spike_takes_one_step_between_neurons() -> None:
    builder = NetworkBuilder(n_inputs=1)
    first, second = (builder.add_neuron(theta_p=1, negative=True, w_fb=1) for _ in range(2))
    builder.connect(0, first, 1)
    builder.connect(builder.source_of(first), second, 1)
    builder.output(first)
    builder.output(second)
    spikes = np.array([1, -1, 0, 0], dtype=np.int8).reshape(4, 1, 1)
    result = Simulator(builder.build(), v_sat=2047).run(spikes)
    assert result.outputs[:, 0].tolist() == [[1, 0], [-1, 1], [0, -1], [0, 0]]


def test_reset_returns_to_rest_and_changes_the_streams() -> None:
    network, spikes = random_network(3), random_spikes(3, 20, 2, 4)
    simulator = Simulator(network, v_sat=50)
    first = simulator.run(spikes)
    simulator.reset()
    np.testing.assert_array_equal(simulator.run(spikes).outputs, first.outputs)
    simulator.reset(streams=5)
    assert simulator.streams == 5
    assert simulator.run(random_spikes(3, 20, 5, 4)).outputs.shape == (20, 5, 3)


@ENGINES
def test_smallest_shapes(engine: EngineName) -> None:
    network = NetworkBuilder(n_inputs=0).build()
    result = Simulator(network, v_sat=1, engine=engine).run(np.zeros((3, 1, 0), np.int8), record="all")
    assert (result.outputs.shape, result.sop, result.spikes) == ((3, 1, 0), 0, 0)
    empty = Simulator(random_network(1), v_sat=1, engine=engine).run(np.zeros((0, 1, 4), np.int8))
    assert (empty.outputs.shape, empty.sop) == ((0, 1, 3), 0)


@pytest.mark.parametrize(
    ("spikes", "words"),
    [
        (np.zeros((3, 1, 5), np.int8), "instead of (steps, streams, 4)"),
        (np.zeros((3, 4), np.int8), "instead of (steps, streams, 4)"),
        (np.zeros((3, 0, 4), np.int8), "instead of (steps, streams, 4)"),
        (np.zeros((3, 1, 4), np.float32), "float32 instead of integers"),
        (np.full((3, 1, 4), 2, np.int8), "other than -1, 0 and +1"),
        (np.full((3, 1, 4), -300, np.int16), "other than -1, 0 and +1"),
    ],
)
def test_invalid_spikes_are_refused(spikes: NDArray[Any], words: str) -> None:
    with pytest.raises(NetworkError) as caught:
        Simulator(random_network(1), v_sat=10).run(spikes)
    assert words in caught.value.message
    assert caught.value.where == "spikes"


def test_other_number_of_streams_is_refused() -> None:
    simulator = Simulator(random_network(1), v_sat=10)
    simulator.run(np.zeros((1, 2, 4), np.int8))
    with pytest.raises(NetworkError, match="3 streams while 2"):
        simulator.run(np.zeros((1, 3, 4), np.int8))
    with pytest.raises(NetworkError, match="at least 1"):
        simulator.reset(streams=0)
    with pytest.raises(NetworkError, match="v_sat"):
        Simulator(random_network(1), v_sat=0)
