"""Brian2 in C++ standalone mode: the time its compiled program spends in the run."""

from __future__ import annotations

import tempfile
from typing import Any

import brian2 as b
import numpy as np
from task import Task, serve


def run(task: Task) -> dict[str, Any]:
    """The first stream alone."""
    spikes = task.spikes[:, 0]
    b.set_device("cpp_standalone", directory=tempfile.mkdtemp(), build_on_run=True)
    b.defaultclock.dt = 1 * b.ms
    step, index = np.nonzero(spikes)
    inputs = b.SpikeGeneratorGroup(spikes.shape[1], index, step * b.ms)
    neurons = b.NeuronGroup(
        task.theta.size, "v : 1\ntheta : 1 (constant)", threshold="v >= theta", reset="v -= theta"
    )
    neurons.theta = task.theta
    from_input = task.source < spikes.shape[1]
    objects = [inputs, neurons]
    for group, mine, offset in ((inputs, from_input, 0), (neurons, ~from_input, spikes.shape[1])):
        synapses = b.Synapses(group, neurons, "w : 1", on_pre="v_post += w")
        synapses.connect(i=task.source[mine] - offset, j=task.target[mine])
        synapses.w = task.weight[mine]
        objects.append(synapses)
    b.Network(*objects).run(len(spikes) * b.ms)
    return {"stream": len(spikes) * task.theta.size / b.device._last_run_time}


serve(run)
