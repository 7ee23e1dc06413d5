"""sinabs with dense layers: whole sequences, layer by layer."""

from __future__ import annotations

import time
from typing import Any

import sinabs.layers as sl
import torch
from task import Task, serve

REPEATS = 3


def run(task: Task) -> dict[str, Any]:
    """Measure sequences of [stream, step, neuron], without gradients."""
    torch.set_num_threads(1)
    weights = [torch.from_numpy(weight).T.contiguous() for weight in task.dense()]
    thetas = torch.from_numpy(task.theta).reshape(task.layers, -1)
    spikes = torch.from_numpy(task.spikes).float().transpose(0, 1).contiguous()
    result: dict[str, float] = {}
    with torch.no_grad():
        for name, part in (("stream", spikes[:1, :2000]), ("batch", spikes[:, :200])):
            for _ in range(REPEATS):
                layers = [sl.IAF(spike_threshold=theta, min_v_mem=None) for theta in thetas]
                begin = time.perf_counter()
                current = part
                for weight, layer in zip(weights, layers, strict=True):
                    current = layer(current @ weight)
                seconds = time.perf_counter() - begin
                speed = part.shape[0] * part.shape[1] * task.theta.size / seconds
                result[name] = max(speed, result.get(name, 0.0))
    return result


serve(run)
