"""Equality of the decoded and the trained network, spike for spike, on real sound and on random input.

    python benchmarks/chip_equality.py [--json] [--quick] [--bundle DIR] [--recordings DIR]

The trained network of a bundle runs on the plain engine, the one decoded from its bitstream on the compiled
engine where Numba is installed, so loop, bitstream and decoder are all part of the comparison. Every neuron
is compared in every step. `faults_seen` checks that the comparison can fail: it counts, out of ten decoded
networks with one weight changed by one, those that are reported as different.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from anomaly.audio.files.recordings import find_recordings, read_16k
from anomaly.features.delta_encoder import DeltaCode, DeltaEncoder
from anomaly.features.front_end import FrontEnd, segment_levels
from chip.arch import load_arch
from chip.files import load_network
from chip.network import Network
from chip.sim.compiled.engine import numba_is_installed
from chip.sim.simulator import EngineName, Simulator
from chip.sim.stimulus import random_spikes
from lib.paths import ROOT, default_recordings

NEURON_STEPS, QUICK_NEURON_STEPS = 20_000_000, 10_000_000
CLIP_S, SAMPLE_RATE_HZ, RATE = 9, 16_000, 0.1


def sound_spikes(bundle: Path, recordings: Path, streams: int) -> np.ndarray:
    """Encode real recordings as spikes [step, stream, input], one clip per stream."""
    front_end = FrontEnd.from_dict(json.loads((bundle / "bundle.json").read_text())["front_end"])
    code = DeltaCode.from_dict(json.loads((bundle / "calibration.json").read_text())["encoder"])
    clips: list[np.ndarray] = []
    for path in find_recordings(recordings):
        samples = read_16k(path)[: CLIP_S * SAMPLE_RATE_HZ]
        if len(samples) == CLIP_S * SAMPLE_RATE_HZ:
            clips.append(segment_levels(samples, front_end)[0])
        if len(clips) == streams:
            break
    levels = np.stack([np.resize(clip, clips[0].shape) for clip in clips])
    events = DeltaEncoder(code, len(clips)).push(levels)
    return np.ascontiguousarray(events.transpose(1, 2, 0, 3)).reshape(-1, len(clips), code.bands)


def compare(trained: Network, decoded: Network, spikes: np.ndarray, v_sat: int) -> dict[str, int]:
    """Run both networks on the same spikes, from rest, and count the differences."""
    engine: EngineName = "compiled" if numba_is_installed() else "numpy"
    one = Simulator(trained, v_sat=v_sat).run(spikes, record="all").neurons
    other = Simulator(decoded, v_sat=v_sat, engine=engine).run(spikes, record="all")
    differing = int(np.count_nonzero(np.asarray(one) != np.asarray(other.neurons)))
    return {"neuron_steps": int(np.asarray(one).size), "spikes": other.spikes, "differing_spikes": differing}


def faults_seen(trained: Network, decoded: Network, spikes: np.ndarray, v_sat: int) -> int:
    """Count the detected ones of ten wrong networks.

    Each has one changed weight, at a synapse with many spikes whose neuron both fires and rests: a neuron that fires in
    every step, or in none, would not show the change.
    """
    arrivals = np.count_nonzero(spikes, axis=(0, 1))
    fired = Simulator(decoded, v_sat=v_sat).run(spikes).neuron_spikes
    rested = spikes.shape[0] * spikes.shape[1] - fired
    sensitivity = (
        np.concatenate([arrivals, fired])[decoded.source] * np.minimum(fired, rested)[decoded.target]
    )
    busy = np.argsort(-sensitivity, kind="stable")[:10]
    detected = 0
    for at in busy:
        weight = decoded.weight.copy()
        weight[at] += 1 if weight[at] != -1 else 2
        wrong = Network(n_inputs=decoded.n_inputs, **decoded.arrays() | {"weight": weight})
        detected += compare(trained, wrong, spikes, v_sat)["differing_spikes"] > 0
    return detected


def run(bundle: Path, recordings: Path, neuron_steps: int) -> dict[str, Any]:
    """Compare on both kinds of input."""
    arch = load_arch(str(bundle / "arch.yaml"))
    trained, decoded = (load_network(bundle / name, arch) for name in ("network.npz", "network.bit"))
    per_clip = trained.n_neurons * CLIP_S * 125
    sound = sound_spikes(bundle, recordings, -(-neuron_steps // per_clip) + 1)
    steps = -(-neuron_steps // (trained.n_neurons * 16))
    noise = random_spikes(trained.n_inputs, steps, streams=16, rate=RATE, seed=7)
    result: dict[str, Any] = {
        name: compare(trained, decoded, spikes, arch.v_sat)
        for name, spikes in (("audio", sound), ("random", noise))
    }
    result["faults_seen"] = faults_seen(trained, decoded, sound[:500, :4], arch.v_sat)
    result["engines"] = "numpy against compiled" if numba_is_installed() else "numpy"
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="half as many neuron-steps")
    parser.add_argument("--bundle", type=Path, default=ROOT / "models" / "example-pump", help="a bundle")
    parser.add_argument(
        "--recordings", type=Path, default=default_recordings() / "slider", help="a folder with sound"
    )
    options = parser.parse_args(arguments)
    result = run(options.bundle, options.recordings, QUICK_NEURON_STEPS if options.quick else NEURON_STEPS)
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        for name, value in result.items():
            print(f"{name:<14} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
