"""Speed of a training step: the student's layer, snnTorch and SpikingJelly with equal sizes, on one thread.

    python benchmarks/training_speed.py [--json] [--quick] [--peers PYTHON]

Two dense layers of leaky neurons with subtractive reset and the slope of a fast sigmoid, forwards and backwards;
the input sums of all steps are one matrix product for all. Runs take turns, one of each after the other, and the
ratios are medians over the turns: above one, ours is faster. `signed` is our layer with its negative output, which
the others do not have. Peers run in a virtual environment of their own: build/peers, created at the first run, or
the one whose PYTHON is options.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from anomaly.student.distillation.neuron import NeuronLayer
from lib.paths import PEERS as PEER_SCRIPTS
from lib.peer_environment import install_missing, peer_python
from peers.layer_task import LayerTask, step

PEERS = ("snntorch", "spikingjelly")
PACKAGES = {"snntorch": ("snntorch==1.0.*",), "spikingjelly": ("spikingjelly==2.0.*", "loguru")}
TURNS, QUICK_TURNS = 40, 8
V_SAT = 2047.0
# Width of the surrogate gradient: that of the others at their settings.
SURROGATE_WIDTH = 4.0


class StudentLayer:
    """Task on the student's layer."""

    def __init__(self, negative: bool) -> None:
        task = LayerTask()
        self._spikes, self._weights = task.inputs()
        theta = torch.tensor(task.theta)
        layer = NeuronLayer(theta, theta, negative, theta, task.leak, V_SAT, torch.tensor(SURROGATE_WIDTH))

        def forward() -> Tensor:
            current = self._spikes
            for weight in self._weights:
                current = layer.run(current @ weight)
            return current

        self._forward = forward
        self.active = step(self._weights, forward)

    def seconds(self) -> float:
        """Measure the seconds of one step."""
        begin = time.perf_counter()
        step(self._weights, self._forward)
        return time.perf_counter() - begin


class Peer:
    """Another library in a process of its own, which measures one step on request.

    Raises:
        RuntimeError: it fails, or computes no gradient.
    """

    def __init__(self, python: Path, name: str) -> None:
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        script = PEER_SCRIPTS / f"{name}_layer.py"
        self._name = name
        self._run = subprocess.Popen(
            [str(python), str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | threads,
        )
        if self._run.stdin is None or self._run.stdout is None:
            raise RuntimeError(f"{name} has no pipes")
        self._requests, self._output = self._run.stdin, self._run.stdout
        self.active = float(self._request()["active"])

    def seconds(self) -> float:
        """Measure the seconds of one step."""
        return float(self._request()["seconds"])

    def _request(self) -> dict[str, Any]:
        # If it has ended, the missing answer below is the error.
        with suppress(OSError):
            self._requests.write("\n")
            self._requests.flush()
        # Libraries may print messages when they are imported.
        line = next((line for line in self._output if line.startswith("{")), "")
        if not line:
            self.close()
            raise RuntimeError(f"{self._name} ended with exit code {self._run.returncode}")
        answer: dict[str, Any] = json.loads(line)
        if not answer["learns"]:
            self.close()
            raise RuntimeError(f"{self._name} computes no gradient")
        return answer

    def close(self) -> None:
        """End the process and close its pipes."""
        with suppress(OSError):
            self._requests.close()
        self._output.close()
        self._run.wait()


def run(python: Path, turns: int) -> dict[str, Any]:
    """Time all implementations in turns, so that a slower computer affects each of them."""
    torch.set_num_threads(1)
    peers = {name: Peer(python, name) for name in PEERS}
    try:
        layers = {"ours": StudentLayer(False), "signed": StudentLayer(True)} | peers
        measure_step: dict[str, Callable[[], float]] = {name: layer.seconds for name, layer in layers.items()}
        times = {name: np.array([0.0] * turns) for name in measure_step}
        for turn in range(turns):
            for name, seconds in measure_step.items():
                times[name][turn] = seconds()
    finally:
        for peer in peers.values():
            peer.close()
    active = {name: layer.active for name, layer in layers.items()}
    return summary(times, active)


def summary(times: dict[str, np.ndarray], active: dict[str, float]) -> dict[str, Any]:
    """Median seconds, and medians over turns of the peers' seconds over ours."""
    task = LayerTask()
    return {
        "times_as_fast_as": {
            ours: {name: float(np.median(times[name] / times[ours])) for name in PEERS}
            for ours in ("ours", "signed")
        },
        "median_seconds": {name: float(np.median(values)) for name, values in times.items()},
        "share_of_spikes": active,
        "turns": len(times["ours"]),
        "steps": task.steps,
        "batch": task.batch,
        "sizes": list(task.sizes),
    }


def measure(quick: bool, python: Path | None = None) -> dict[str, Any]:
    """Measure all figures; the peer environment is created if no Python is options."""
    return run(python or install_missing(peer_python(), PACKAGES), QUICK_TURNS if quick else TURNS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="fewer turns")
    parser.add_argument("--peers", type=Path, metavar="PYTHON", help="python that can import all peers")
    options = parser.parse_args(arguments)
    if options.peers is not None and not options.peers.is_file():
        parser.error(
            f"--peers {options.peers}: no such file; name the python of an environment with all peers"
        )
    figures = measure(options.quick, options.peers)
    print(json.dumps(figures, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
