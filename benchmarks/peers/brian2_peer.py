"""Brian2 in C++ standalone mode: the shortest run time of its compiled program."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any

import brian2 as b
import numpy as np
from task import Task, serve, wait_for_turn


def build(task: Task, folder: str) -> None:
    """Compile the network and run it once on the first stream."""
    spikes = task.spikes[:, 0]
    b.set_device("cpp_standalone", directory=folder, build_on_run=True)
    b.defaultclock.dt = 1 * b.ms
    step, index = np.nonzero(spikes)
    inputs = b.SpikeGeneratorGroup(spikes.shape[1], index, step * b.ms)
    neurons = b.NeuronGroup(
        task.theta.size, "v : 1\ntheta : 1 (constant)", threshold="v >= theta", reset="v -= theta"
    )
    neurons.theta = task.theta
    from_input = task.source < spikes.shape[1]
    objects = [inputs, neurons]
    for group, selected, offset in ((inputs, from_input, 0), (neurons, ~from_input, spikes.shape[1])):
        synapses = b.Synapses(group, neurons, "w : 1", on_pre="v_post += w")
        synapses.connect(i=task.source[selected] - offset, j=task.target[selected])
        synapses.w = task.weight[selected]
        objects.append(synapses)
    b.Network(*objects).run(len(spikes) * b.ms)


def run(task: Task) -> dict[str, Any]:
    """Measure the first stream alone, in double and in single precision."""
    result = {}
    for name, kind in (("stream_double", np.float64), ("stream", np.float32)):
        b.prefs.core.default_float_dtype = kind
        folder = tempfile.mkdtemp()
        build(task, folder)
        seconds = b.device._last_run_time
        for _ in range(task.turns):
            wait_for_turn()
            subprocess.run(["./main"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
            seconds = min(
                seconds, float((Path(folder) / "results" / "last_run_info.txt").read_text().split()[0])
            )
        result[name] = len(task.spikes) * task.theta.size / seconds
        b.device.reinit()
        b.device.activate()
    result["stream"] = max(result.values())
    return result


serve(run)
