"""The chip's neuron in torch: the integers of the simulator forwards, a surrogate gradient backwards.

Step ``k``::

    q = decay(v) + sum_i W_i * s_i
    s = +1 if q >= theta_p; -1 if q <= -theta_n and the negative output is enabled; else 0
    v = clip(q - w_fb * s, -v_sat, +v_sat)

The layer runs on whatever numbers it is given. Whoever trains keeps weights and thresholds as real numbers and
rounds them with `to_integers`, straight through, in every forward pass, so that what is trained is what is
programmed from the first step on. Values stay far below 2^24, where float32 counts exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor


class _RoundThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return torch.round(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]


class _SpikeAbove(torch.autograd.Function):
    """1 where the excess is not negative; backwards the slope of a fast sigmoid (Zenke and Ganguli, 2018)."""

    @staticmethod
    def forward(ctx: Any, excess: Tensor, width: Tensor) -> Tensor:
        ctx.save_for_backward(excess, width)
        return (excess >= 0).to(excess.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        excess, width = ctx.saved_tensors
        return gradients[0] / (width * (1.0 + (excess / width).abs()) ** 2), None


def _apply(function: type[torch.autograd.Function], *values: Tensor) -> Tensor:
    return cast(Tensor, function.apply(*values))  # type: ignore[no-untyped-call]


def to_integers(values: Tensor, most: float, least: float | None = None) -> Tensor:
    """Round to integers within [least, most] (default symmetric); the gradient passes straight through."""
    return _apply(_RoundThrough, values.clamp(-most if least is None else least, most))


@dataclass(frozen=True)
class NeuronLayer:
    """Parameters of one layer, each [neurons] or a number.

    Args:
        theta_p: positive threshold.
        theta_n: negative threshold, its magnitude.
        negative: whether the negative output is enabled.
        w_fb: feedback weight.
        decay: n of the leak 2^-n per step, 0 for none.
        v_sat: membrane limit.
        width: of the surrogate gradient, in units of the membrane.
    """

    theta_p: Tensor
    theta_n: Tensor
    negative: bool
    w_fb: Tensor
    decay: int
    v_sat: float
    width: Tensor

    def run(self, currents: Tensor) -> Tensor:
        """Spikes [steps, batch, neurons] from weighted input sums of the same shape, starting at rest."""
        if self.decay == 0 and not self.negative and not bool(self.w_fb.any()):
            # Without leak and feedback the membrane is a running sum: all steps at once, unless it is clipped.
            membranes = currents.cumsum(dim=0)
            if float(membranes.detach().abs().max()) <= self.v_sat:
                return self._fire(membranes)
        return self._step_by_step(currents)

    def _fire(self, q: Tensor) -> Tensor:
        spikes = _apply(_SpikeAbove, q - self.theta_p, self.width)
        if self.negative:
            below = _apply(_SpikeAbove, -q - self.theta_n, self.width)
            spikes = spikes - below * (1.0 - spikes.detach())
        return spikes

    def _step_by_step(self, currents: Tensor) -> Tensor:
        membrane = torch.zeros_like(currents[0])
        spikes = []
        for current in currents:
            q = self._leaked(membrane) + current
            spike = self._fire(q)
            membrane = (q - self.w_fb * spike).clamp(-self.v_sat, self.v_sat)
            spikes.append(spike)
        return torch.stack(spikes)

    def _leaked(self, membrane: Tensor) -> Tensor:
        if self.decay == 0:
            return membrane
        exact = membrane - membrane.sign() * torch.floor(membrane.abs() / 2**self.decay)
        smooth = membrane * (1.0 - 2.0**-self.decay)
        return smooth + (exact - smooth).detach()
