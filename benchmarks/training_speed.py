"""A training step of the student's layer beside snnTorch and SpikingJelly: same sizes, batch and steps, one thread.

    python benchmarks/training_speed.py [--json] [--quick] [--peers PYTHON]

Two dense layers of leaky neurons with subtractive reset and the slope of a fast sigmoid, forwards and backwards;
the input sums of all steps are one matrix product for everybody. Runs take turns, one of each after the other, and
the ratios are medians over the turns: above one, ours is faster. `signed` is our layer with its negative output,
which the others do not have. Peers run in an environment of their own: build/peers, made at the first run, or the
one whose PYTHON is given.
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
from chip_simulate import environment
from harness import HERE, say
from torch import Tensor

from anomaly.student.distillation.neuron import NeuronLayer

sys.path.insert(0, str(HERE / "peers"))

from layer_task import LayerTask, step

PEERS = ("snntorch", "spikingjelly")
PACKAGES = {"snntorch": ("snntorch==1.0.*",), "spikingjelly": ("spikingjelly==2.0.*", "loguru")}
TURNS, QUICK_TURNS = 40, 8
V_SAT = 2047.0
# Of the surrogate's slope: that of the others at their settings.
WIDTH = 4.0


class Ours:
    """The student's layer on the task."""

    def __init__(self, negative: bool) -> None:
        task = LayerTask()
        self._spikes, self._weights = task.given()
        theta = torch.tensor(task.theta)
        layer = NeuronLayer(theta, theta, negative, theta, task.leak, V_SAT, torch.tensor(WIDTH))

        def forward() -> Tensor:
            current = self._spikes
            for weight in self._weights:
                current = layer.run(current @ weight)
            return current

        self._forward = forward
        self.active = step(self._weights, forward)

    def seconds(self) -> float:
        """Of one step."""
        begin = time.perf_counter()
        step(self._weights, self._forward)
        return time.perf_counter() - begin


class Peer:
    """Another library in a process of its own, which measures one step when asked.

    Raises:
        RuntimeError: it fails, or gives no gradient.
    """

    def __init__(self, python: Path, name: str) -> None:
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        script = HERE / "peers" / f"{name}_layer.py"
        self._name = name
        self._run = subprocess.Popen(
            [str(python), str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | threads,
        )
        if self._run.stdin is None or self._run.stdout is None:
            raise RuntimeError(f"{name} cannot be asked")
        self._given, self._said = self._run.stdin, self._run.stdout
        self.active = float(self._ask()["active"])

    def seconds(self) -> float:
        """Of one step."""
        return float(self._ask()["seconds"])

    def _ask(self) -> dict[str, Any]:
        # If it has ended, the answer that is missing says so.
        with suppress(OSError):
            self._given.write("\n")
            self._given.flush()
        # What a library has to say when it is loaded is no answer.
        line = next((said for said in self._said if said.startswith("{")), "")
        if not line:
            self.close()
            raise RuntimeError(f"{self._name} ended with exit code {self._run.returncode}")
        answer: dict[str, Any] = json.loads(line)
        if not answer["learns"]:
            self.close()
            raise RuntimeError(f"{self._name} gives no gradient")
        return answer

    def close(self) -> None:
        """End the process."""
        with suppress(OSError):
            self._given.close()
        self._said.close()
        self._run.wait()


def run(python: Path, turns: int) -> dict[str, Any]:
    """Everybody in turns."""
    torch.set_num_threads(1)
    peers = {name: Peer(python, name) for name in PEERS}
    try:
        everyone = {"ours": Ours(False), "signed": Ours(True)} | peers
        asked: dict[str, Callable[[], float]] = {name: one.seconds for name, one in everyone.items()}
        times = {name: np.array([0.0] * turns) for name in asked}
        for turn in range(turns):
            for name, seconds in asked.items():
                times[name][turn] = seconds()
    finally:
        for peer in peers.values():
            peer.close()
    active = {name: one.active for name, one in everyone.items()}
    return summary(times, active)


def summary(times: dict[str, np.ndarray], active: dict[str, float]) -> dict[str, Any]:
    """Median seconds, and the peers' over ours turn by turn."""
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


def with_peers(python: Path) -> Path:
    """The same environment with all peers in it; what is missing is installed without what it asks for."""
    for name, packages in PACKAGES.items():
        found = subprocess.run([str(python), "-c", f"import {name}"], capture_output=True)
        if found.returncode != 0:
            say(f"installing {', '.join(packages)}")
            command = [str(python), "-m", "pip", "install", "-q", "--no-deps", *packages]
            subprocess.run(command, check=True, stdout=sys.stderr)
    return python


def measure(quick: bool, python: Path | None = None) -> dict[str, Any]:
    """All figures, with the environment made if need be."""
    return run(python or with_peers(environment()), QUICK_TURNS if quick else TURNS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="fewer turns")
    parser.add_argument("--peers", type=Path, metavar="PYTHON", help="python that can import all peers")
    given = parser.parse_args(arguments)
    if given.peers is not None and not given.peers.is_file():
        parser.error(f"--peers {given.peers}: no such file; name the python of an environment with all peers")
    found = measure(given.quick, given.peers)
    print(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
