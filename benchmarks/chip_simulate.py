"""Speed of the chip simulator, Brian2, snnTorch, sinabs and Nengo: one network, one input, one thread each.

    python benchmarks/chip_simulate.py [--json] [--quick] [--peers PYTHON]

The network has 1024 neurons in four layers with 25 synapses each; thresholds are the sums of the weights, so
that every layer is as active as the input: 1 % and 5 % of the neurons in a step. Figures are neuron-steps
per second, the best of several runs; ours take turns with those of Brian2, by far the fastest peer, in single
and in double precision: as many runs, on the same machine at the same time. The ratios are the worse of the
two activities. `batch` is 256 streams at once; a simulator without batches counts with its one stream.
`bit_exact` compares every spike with the plain engine. `roofline` sets the 16-bit numbers that the loop reads,
changes and writes back (64 for each spike, three for each neuron in each step) beside those of a plain vector
loop in each level of the memory. Peers run in a virtual environment of their own: build/peers, created at the
first run, or the one whose PYTHON is options.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from chip.arch import load_arch
from chip.network import Network
from chip.sim.simulator import EngineName, Simulator
from chip.testing import layered_network
from lib.chip.roofline import updates_per_second
from lib.paths import PEERS as PEER_SCRIPTS
from lib.paths import ROOT
from lib.peer_environment import peer_python
from lib.progress import log
from peers.task import TURN

PEERS = ("brian2", "snntorch", "sinabs", "nengo")
LAYERS, STREAMS, STEPS, BATCH_STEPS, STREAM_STEPS = 4, 256, 10_000, 100, 5000
# Steps until every layer is as active as the input.
WARM, V_SAT = 500, 1 << 14
# 16-bit numbers read, changed and written back: two tiles of levels; membrane, level and peak.
LANES_PER_SPIKE, LANES_PER_NEURON_STEP = 64, 3
ACTIVITIES = (0.01, 0.05)
ENGINES: tuple[EngineName, ...] = ("numpy", "compiled")


def workload(activity: float) -> tuple[Network, np.ndarray]:
    """A network whose layers are all as active as the input, and spikes [step, stream, input]."""
    base = layered_network(load_arch("senna"), seed=0, layers=LAYERS)
    size = base.n_neurons // LAYERS
    # Neurons are numbered layer by layer, because some peers have one matrix per layer.
    order = np.argsort(depth_of(base), kind="stable")
    number = np.argsort(order)
    inner = base.source >= base.n_inputs
    source = np.where(inner, number[np.maximum(base.source - base.n_inputs, 0)] + base.n_inputs, base.source)
    weight, target = np.abs(base.weight), number[base.target]
    theta = np.bincount(target, weights=weight).astype(np.int64)
    zero = np.zeros(base.n_neurons, np.int64)
    network = Network(
        n_inputs=base.n_inputs,
        theta_p=theta,
        theta_n=zero,
        negative=zero,
        w_fb=theta,
        decay=zero,
        source=source,
        target=target,
        weight=weight,
        outputs=np.arange((LAYERS - 1) * size, (LAYERS - 1) * size + 64),
    )
    random = np.random.default_rng(1)
    return network, (random.random((STEPS, STREAMS, base.n_inputs), np.float32) < activity).astype(np.int8)


def depth_of(network: Network) -> np.ndarray:
    """Layer number of each neuron."""
    from chip.connectivity import steps_from_inputs

    return steps_from_inputs(network)


class Ours:
    """Compiled engine with one stream and with a batch, and its best measurements."""

    def __init__(self, network: Network, spikes: np.ndarray) -> None:
        self.best: dict[str, float] = {}
        self._network = network
        self._tasks: dict[str, tuple[Simulator, np.ndarray, np.ndarray]] = {}
        for name, streams, steps in (("stream", 1, STREAM_STEPS), ("batch", STREAMS, BATCH_STEPS)):
            first = np.ascontiguousarray(spikes[:WARM, :streams])
            measured = np.ascontiguousarray(spikes[WARM : WARM + steps, :streams])
            self._tasks[name] = Simulator(network, v_sat=V_SAT, engine="compiled"), first, measured

    def measure(self) -> None:
        """Run each once, from the same state."""
        for name, (simulator, first, measured) in self._tasks.items():
            simulator.reset(first.shape[1])
            simulator.run(first)
            begin = time.perf_counter()
            run = simulator.run(measured)
            seconds = time.perf_counter() - begin
            neuron_steps = measured.shape[0] * measured.shape[1] * self._network.n_neurons
            moved = LANES_PER_SPIKE * (run.spikes + run.input_spikes) + LANES_PER_NEURON_STEP * neuron_steps
            found = {
                name: neuron_steps / seconds,
                f"{name}_ns_per_sop": seconds / run.sop * 1e9,
                f"{name}_activity": run.spikes / neuron_steps,
                f"{name}_updates": moved / seconds,
            }
            self.best |= better(found, self.best)


def better(one: dict[str, float], other: dict[str, float]) -> dict[str, float]:
    """Best of two measurements of the same figures."""
    return {
        name: (min if name.endswith("per_sop") else max)(value, other.get(name, value))
        for name, value in one.items()
    }


def bit_exact(network: Network, spikes: np.ndarray) -> bool:
    """Return whether both engines agree on every spike and count, for one stream and for a batch."""
    for part in (spikes[:2000, :1], spikes[:BATCH_STEPS]):
        one, other = (
            Simulator(network, v_sat=V_SAT, engine=engine).run(part, record="all") for engine in ENGINES
        )
        counts = [(run.sop, run.spikes, run.saturations, run.peak_membrane.tolist()) for run in (one, other)]
        if counts[0] != counts[1] or not np.array_equal(np.asarray(one.neurons), np.asarray(other.neurons)):
            return False
    return True


def start_s(cache: Path) -> float:
    """Seconds until a fresh process has run its first step, with compiled code kept in ``cache``."""
    code = (
        "import time; begin = time.perf_counter(); import numpy as np; from chip.sim.simulator import Simulator; "
        "from chip.builder import NetworkBuilder; b = NetworkBuilder(n_inputs=1); b.add_neuron(theta_p=1); "
        "Simulator(b.build(), v_sat=9, engine='compiled').run(np.zeros((1, 1, 1), np.int8)); "
        "print(time.perf_counter() - begin)"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True
    )
    return float(done.stdout)


def peer(python: Path, name: str, task: Path, mine: Ours) -> dict[str, Any]:
    """Measure a peer, in turns with ours; if it fails, the result is empty and the reason is logged."""
    command = [str(python), str(PEER_SCRIPTS / f"{name}_peer.py"), str(task)]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    lines = [""]
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=os.environ | threads,
        ) as run,
    ):
        for line in run.stdout or ():
            lines.append(line)
            if line.strip() == TURN and run.stdin:
                mine.measure()
                run.stdin.write("\n")
                run.stdin.flush()
        if run.wait() != 0:
            errors.seek(0)
            log(f"{name} failed:\n{errors.read()[-2000:]}")
            return {}
    answer: dict[str, Any] = json.loads(lines[-1])
    return answer


def run(python: Path, turns: int) -> dict[str, Any]:
    """Measure all simulators on the same networks and spikes."""
    rounds = {}
    exact = True
    for activity in ACTIVITIES:
        network, spikes = workload(activity)
        exact = exact and bit_exact(network, spikes)
        mine = Ours(network, spikes)
        mine.measure()
        # The first run includes compilation and page faults.
        mine.best.clear()
        speeds: dict[str, dict[str, Any]] = {}
        with tempfile.TemporaryDirectory() as folder:
            task = Path(folder) / "task.npz"
            arrays: dict[str, Any] = {name: getattr(network, name) for name in ("source", "target")}
            arrays |= {
                "weight": network.weight.astype(np.float32),
                "theta": network.theta_p.astype(np.float32),
            }
            np.savez(task, **arrays, spikes=spikes[: STEPS // 2], layers=LAYERS, turns=turns)
            for name in PEERS:
                log(f"{activity:.0%} active: {name}")
                speeds[name] = peer(python, name, task, mine)
        rounds[f"{activity:.0%}"] = {"chip": mine.best} | speeds
    with tempfile.TemporaryDirectory() as cache:
        starts = {"compile_s": start_s(Path(cache)), "load_s": start_s(Path(cache))}
    return summary(rounds) | {"bit_exact": exact} | starts | {"by_activity": rounds}


def summary(rounds: dict[str, dict[str, dict[str, Any]]]) -> dict[str, Any]:
    """Ratios to the fastest peer; the worse one of the activities."""
    ratios: dict[str, list[float]] = {"stream": [], "batch": []}
    fastest: dict[str, str] = {}
    for speeds in rounds.values():
        for mode, found in ratios.items():
            peers = {
                name: max(speeds[name].get(mode, 0.0), speeds[name].get("stream", 0.0)) for name in PEERS
            }
            fastest[mode] = max(peers, key=lambda name: peers[name])
            found.append(speeds["chip"][mode] / peers[fastest[mode]])
    busiest = rounds[f"{ACTIVITIES[-1]:.0%}"]
    ceiling = updates_per_second()
    return {
        "stream_vs_fastest_peer": min(ratios["stream"]),
        "batch_vs_fastest_peer": min(ratios["batch"]),
        "fastest_peer": fastest["stream"],
        "fastest_batch_peer": fastest["batch"],
        "ns_per_sop": busiest["chip"]["stream_ns_per_sop"],
        "peers": {name: max(busiest[name].values(), default=0.0) for name in PEERS},
        "roofline": {
            **{f"{where}_updates_per_s": value for where, value in ceiling.items()},
            **{
                f"{mode}_share_of_l1_at_{activity}": speeds["chip"][f"{mode}_updates"] / ceiling["l1"]
                for activity, speeds in rounds.items()
                for mode in ratios
            },
        },
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--peers", type=Path, metavar="PYTHON", help="python that can import all peers")
    options = parser.parse_args(arguments)
    if options.peers is not None and not options.peers.is_file():
        parser.error(
            f"--peers {options.peers}: no such file; name the python of an environment with all peers"
        )
    result = run(options.peers or peer_python(), 8 if options.quick else 30)
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        for name, value in result.items():
            print(f"{name:<24} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
