"""snnTorch with dense layers: one stream, and all streams as a batch."""

from __future__ import annotations

import time
from typing import Any

import snntorch as snn
import torch
from task import Task, serve

REPEATS = 3


def run(task: Task) -> dict[str, Any]:
    """Measure all layers step by step, as its tutorials do, without gradients."""
    torch.set_num_threads(1)
    weights = [torch.from_numpy(weight).T.contiguous() for weight in task.dense()]
    thetas = torch.from_numpy(task.theta).reshape(task.layers, -1)
    layers = [snn.Leaky(beta=1.0, threshold=theta, reset_mechanism="subtract") for theta in thetas]
    result: dict[str, float] = {}
    spikes = torch.from_numpy(task.spikes).float()
    with torch.no_grad():
        for name, part in (("stream", spikes[:2000, :1]), ("batch", spikes[:200])):
            for _ in range(REPEATS):
                membranes = [layer.init_leaky() for layer in layers]
                begin = time.perf_counter()
                for step in part:
                    current = step
                    for k, layer in enumerate(layers):
                        current, membranes[k] = layer(current @ weights[k], membranes[k])
                seconds = time.perf_counter() - begin
                speed = part.shape[0] * part.shape[1] * task.theta.size / seconds
                result[name] = max(speed, result.get(name, 0.0))
    return result


serve(run)
