"""Compiled engine: words of tiles, groups of streams, cache lines."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from chip.errors import NetworkError
from chip.network import Network
from chip.sim.compiled.cache_lines import aligned_copy
from chip.sim.simulator import SimulationResult, Simulator
from chip.sim.stimulus import random_spikes

pytestmark = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="needs Numba")


def local_network(neurons: int, *, leaks: bool, inputs: int = 40, fan_in: int = 12) -> Network:
    """Each neuron has synapses from the sources before it; with ``leaks``, some are negative and some leak."""
    random = np.random.default_rng(neurons)
    target = np.repeat(np.arange(neurons), fan_in)
    weight = random.integers(1, 120, target.size)
    return Network(
        n_inputs=inputs,
        theta_p=random.integers(50, 400, neurons),
        theta_n=random.integers(50, 400, neurons),
        negative=random.integers(0, 2, neurons) * leaks,
        w_fb=random.integers(50, 400, neurons),
        decay=random.choice([0, 3], neurons) * leaks,
        source=(target + np.tile(np.arange(fan_in), neurons)) % (inputs + neurons),
        target=target,
        weight=weight * random.choice([-1, 1], target.size) if leaks else weight,
        outputs=random.permutation(neurons)[: min(50, neurons)],
    )


def assert_same(one: SimulationResult, other: SimulationResult) -> None:
    np.testing.assert_array_equal(one.outputs, other.outputs)
    np.testing.assert_array_equal(one.neuron_spikes, other.neuron_spikes)
    np.testing.assert_array_equal(one.peak_membrane, other.peak_membrane)
    assert (one.sop, one.input_spikes, one.saturations) == (other.sop, other.input_spikes, other.saturations)


@pytest.mark.parametrize("leaks", [False, True])
@pytest.mark.parametrize("tiles", [2, 62, 63, 64, 65, 128, 129])
def test_any_number_of_tiles(tiles: int, leaks: bool) -> None:
    network = local_network(32 * tiles - 3, leaks=leaks)
    spikes = random_spikes(network.n_inputs, 30, streams=2, rate=0.3, seed=tiles)
    plain, compiled = (Simulator(network, v_sat=600, engine=engine) for engine in ("numpy", "compiled"))
    for part in np.split(spikes, [11]):
        assert_same(plain.run(part), compiled.run(part))
    assert plain.run(spikes).spikes > 0


@pytest.mark.parametrize("gathered", [1, 40 * 64 * 3, 1 << 20])
def test_groups_of_streams_give_the_same_result(gathered: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # One stream at a time, three and then the two that are left, all.
    monkeypatch.setattr("chip.sim.compiled.engine._GATHERED_BYTES", gathered)
    network = local_network(90, leaks=True)
    spikes = random_spikes(network.n_inputs, 40, streams=8, rate=0.3, seed=1)
    plain, compiled = (Simulator(network, v_sat=600, engine=engine) for engine in ("numpy", "compiled"))
    assert_same(plain.run(spikes), compiled.run(spikes))
    wrong = spikes.copy()
    wrong[39, 7, 3] = 2
    with pytest.raises(NetworkError, match="other than -1, 0"):
        compiled.run(wrong)
    assert_same(plain.run(spikes), compiled.run(spikes))


@pytest.mark.parametrize("shape", [(0,), (1,), (3, 5), (7, 0)])
def test_aligned_copy_begins_at_a_cache_line(shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    copy = aligned_copy(array)
    np.testing.assert_array_equal(copy, array)
    assert copy.ctypes.data % 64 == 0 or not copy.size
    assert not np.shares_memory(copy, array)
