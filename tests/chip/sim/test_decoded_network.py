"""Equality of the trained network and the one decoded from its bitstream, over 10 million neuron-steps."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from anomaly.audio.files.recordings import find_recordings, read_16k
from anomaly.audio.simulator import simulate
from anomaly.features.delta_encoder import DeltaCode, DeltaEncoder
from anomaly.features.front_end import FrontEnd, segment_levels
from chip.arch import load_arch
from chip.files import load_network
from chip.network import Network
from chip.sim.compiled.engine import numba_is_installed
from chip.sim.simulator import EngineName, Simulator
from chip.sim.stimulus import random_spikes

ROOT = Path(__file__).resolve().parents[3]
BUNDLE = ROOT / "models" / "example-pump"
RECORDINGS = Path(os.environ.get("ANOMALY_RECORDINGS", ROOT.parent / "shared" / "audio")) / "slider"
ARCH = load_arch(str(BUNDLE / "arch.yaml"))
NEURON_STEPS, CLIPS, CLIP_S, RATE_HZ = 10_000_000, 48, 9, 16_000


@pytest.fixture(scope="module")
def trained() -> Network:
    return load_network(BUNDLE / "network.npz", ARCH)


@pytest.fixture(scope="module")
def decoded() -> Network:
    return load_network(BUNDLE / "network.bit", ARCH)


def clips() -> list[NDArray[np.float32]]:
    """Real sound, or a simulated pump where there is none."""
    if RECORDINGS.is_dir():
        return [read_16k(path) for path in find_recordings(RECORDINGS)[:CLIPS]]
    sound = simulate("pump", seconds=24, seed=5)
    assert sound.sample_rate_hz == RATE_HZ
    return [np.roll(sound.samples, -RATE_HZ * nth // 2) for nth in range(CLIPS)]


def sound_spikes() -> NDArray[np.int8]:
    front_end = FrontEnd.from_dict(json.loads((BUNDLE / "bundle.json").read_text())["front_end"])
    code = DeltaCode.from_dict(json.loads((BUNDLE / "calibration.json").read_text())["encoder"])
    levels = [segment_levels(clip[: CLIP_S * RATE_HZ], front_end)[0] for clip in clips()]
    events = DeltaEncoder(code, len(levels)).push(np.stack(levels))
    return np.ascontiguousarray(events.transpose(1, 2, 0, 3)).reshape(-1, len(levels), code.bands)


def differing(trained: Network, decoded: Network, spikes: NDArray[np.int8]) -> tuple[int, int]:
    """Return differing spikes and the number of neuron-steps, with the NumPy engine against the compiled one."""
    engine: EngineName = "compiled" if numba_is_installed() else "numpy"
    one = Simulator(trained, v_sat=ARCH.v_sat).run(spikes, record="all")
    other = Simulator(decoded, v_sat=ARCH.v_sat, engine=engine).run(spikes, record="all")
    assert one.spikes > 10_000
    neurons = np.asarray(one.neurons)
    return int(np.count_nonzero(neurons != np.asarray(other.neurons))), neurons.size


def test_on_sound(trained: Network, decoded: Network) -> None:
    wrong, neuron_steps = differing(trained, decoded, sound_spikes())
    assert wrong == 0
    assert neuron_steps >= NEURON_STEPS


def test_on_random_input(trained: Network, decoded: Network) -> None:
    steps = -(-NEURON_STEPS // (16 * trained.n_neurons))
    spikes = random_spikes(trained.n_inputs, steps, streams=16, rate=0.1, seed=3)
    wrong, neuron_steps = differing(trained, decoded, spikes)
    assert wrong == 0
    assert neuron_steps >= NEURON_STEPS


def test_changed_weight_is_detected(trained: Network, decoded: Network) -> None:
    weight = decoded.weight.copy()
    weight[0] = -weight[0]
    wrong = Network(n_inputs=decoded.n_inputs, **decoded.arrays() | {"weight": weight})
    spikes = random_spikes(trained.n_inputs, 2000, streams=2, rate=0.1, seed=3)
    assert differing(trained, wrong, spikes)[0] > 0
