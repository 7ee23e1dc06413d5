"""Training step of snnTorch: all input sums at once, then its leaky neuron step by step, its fastest way."""

from __future__ import annotations

from collections.abc import Callable

import snntorch as snn
import torch
from layer_task import LayerTask, serve
from snntorch import surrogate
from torch import Tensor


def build(task: LayerTask, spikes: Tensor, weights: list[Tensor]) -> Callable[[], Tensor]:
    """Build both layers as its tutorials do."""
    slope = surrogate.fast_sigmoid(slope=0.25)
    layers = [
        snn.Leaky(beta=task.beta, threshold=task.theta, reset_mechanism="subtract", spike_grad=slope)
        for _ in weights
    ]

    def forward() -> Tensor:
        current = spikes
        for weight, layer in zip(weights, layers, strict=True):
            membrane, outputs = layer.init_leaky(), []
            for each in current @ weight:
                spike, membrane = layer(each, membrane)
                outputs.append(spike)
            current = torch.stack(outputs)
        return current

    return forward


serve(build)
