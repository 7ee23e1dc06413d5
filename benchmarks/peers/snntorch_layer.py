"""snnTorch trained: all input sums at once, then its leaky neuron step by step: with a reset there is no faster way."""

from __future__ import annotations

from collections.abc import Callable

import snntorch as snn
import torch
from layer_task import LayerTask, serve
from snntorch import surrogate
from torch import Tensor


def build(task: LayerTask, spikes: Tensor, weights: list[Tensor]) -> Callable[[], Tensor]:
    """Both layers as its tutorials make them."""
    slope = surrogate.fast_sigmoid(slope=0.25)
    layers = [
        snn.Leaky(beta=task.beta, threshold=task.theta, reset_mechanism="subtract", spike_grad=slope)
        for _ in weights
    ]

    def forward() -> Tensor:
        current = spikes
        for weight, layer in zip(weights, layers, strict=True):
            membrane, said = layer.init_leaky(), []
            for each in current @ weight:
                spike, membrane = layer(each, membrane)
                said.append(spike)
            current = torch.stack(said)
        return current

    return forward


serve(build)
