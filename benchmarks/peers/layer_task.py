"""Training task for all libraries: two dense layers of spiking neurons, forwards and backwards, measured in turns."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class LayerTask:
    """Sizes of a training step: sparse input spikes through two layers that leak 2^-leak and reset by subtraction.

    Args:
        steps, batch: of the input.
        sizes: inputs, neurons of the first layer, neurons of the second.
        leak: n of the leak 2^-n per step.
        theta: threshold of all neurons, subtracted at a spike.
    """

    steps: int = 250
    batch: int = 32
    sizes: tuple[int, int, int] = (96, 256, 32)
    leak: int = 6
    theta: float = 20.0

    @property
    def beta(self) -> float:
        """Factor by which a membrane decays in a step."""
        return float(1.0 - 2.0**-self.leak)

    def inputs(self) -> tuple[Tensor, list[Tensor]]:
        """Input spikes [steps, batch, inputs], a tenth of them one, and weights of both layers, [inputs, neurons]."""
        generator = torch.Generator().manual_seed(0)
        spikes = (torch.rand(self.steps, self.batch, self.sizes[0], generator=generator) < 0.1).float()
        pairs = zip(self.sizes, self.sizes[1:], strict=False)
        weights = [(4.0 * torch.randn(a, b, generator=generator)).requires_grad_() for a, b in pairs]
        return spikes, weights


def step(weights: list[Tensor], forward: Callable[[], Tensor]) -> float:
    """Compute the mean of the last layer's spikes and the gradients of both layers' weights; return the mean."""
    for weight in weights:
        weight.grad = None
    spikes = forward()
    torch.autograd.backward((spikes.mean() - 0.1).square())
    return float(spikes.detach().mean())


def serve(build: Callable[[LayerTask, Tensor, list[Tensor]], Callable[[], Tensor]]) -> None:
    """Measure one step for every line of stdin, and print its seconds and the share of spikes."""
    torch.set_num_threads(1)
    task = LayerTask()
    spikes, weights = task.inputs()
    forward = build(task, spikes, weights)
    step(weights, forward)
    for _ in sys.stdin:
        begin = time.perf_counter()
        active = step(weights, forward)
        seconds = time.perf_counter() - begin
        learns = all(weight.grad is not None and bool(weight.grad.any()) for weight in weights)
        print(json.dumps({"seconds": seconds, "active": active, "learns": learns}), flush=True)
