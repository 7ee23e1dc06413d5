"""Training step of SpikingJelly in its multi-step mode: a layer processes all steps in one call."""

from __future__ import annotations

from collections.abc import Callable

from layer_task import LayerTask, serve
from spikingjelly.activation_based import functional, neuron, surrogate
from torch import Tensor


def build(task: LayerTask, spikes: Tensor, weights: list[Tensor]) -> Callable[[], Tensor]:
    """Build leaky neurons with soft reset; without a GPU torch is its only backend."""
    layers = [
        neuron.LIFNode(
            tau=2.0**task.leak,
            decay_input=False,
            v_threshold=task.theta,
            v_reset=None,
            surrogate_function=surrogate.SoftSign(alpha=0.25),
            step_mode="m",
        )
        for _ in weights
    ]

    def forward() -> Tensor:
        current = spikes
        for weight, layer in zip(weights, layers, strict=True):
            functional.reset_net(layer)
            current = layer(current @ weight)
        return current

    return forward


serve(build)
