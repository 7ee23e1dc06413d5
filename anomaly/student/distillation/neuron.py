"""The chip's neuron in torch: the integers of the simulator forwards, a surrogate gradient backwards.

Step ``k``::

    q = decay(v) + sum_i W_i * s_i
    s = +1 if q >= theta_p; -1 if q <= -theta_n and the negative output is enabled; else 0
    v = clip(q - w_fb * s, -v_sat, +v_sat)

The layer runs on any real numbers. Training keeps weights and thresholds as real numbers and rounds them with
`to_integers` (straight-through estimator; Bengio et al., 2013) in every forward pass, so that the trained network is
the programmed one from the first step on. Values stay far below 2^24, where float32 counts exactly.

All steps of a layer are one node of the graph. Forwards it keeps ``q``; backwards every term that does not depend on a
later step is computed for many steps at once, and the recurrence is one multiply-add a step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

# Steps that are computed at once backwards: more of them do not fit the processor's cache.
_CHUNK_STEPS = 16


class _RoundThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return torch.round(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]


class _Layer(torch.autograd.Function):
    """Spikes of all steps; backwards the slope of a fast sigmoid (Zenke and Ganguli, 2018) for each threshold.

    A leak is smooth backwards, what is clipped has no gradient.
    """

    @staticmethod
    def forward(
        ctx: Any,
        currents: Tensor,
        theta_p: Tensor,
        theta_n: Tensor,
        w_fb: Tensor,
        width: Tensor,
        share: Tensor,
        negative: bool,
        v_sat: float,
    ) -> Tensor:
        q, spikes = torch.empty_like(currents), torch.empty_like(currents)
        membrane, leaking = torch.zeros_like(currents[0]), bool(share.any())
        below, lost = torch.empty_like(membrane), torch.empty_like(membrane)
        for step, current in enumerate(currents):
            if leaking:
                # A share is a power of two: the product is exact.
                membrane -= torch.mul(membrane, share, out=lost).trunc_()
            torch.add(membrane, current, out=q[step])
            spike = torch.ge(q[step], theta_p, out=spikes[step])
            if negative:
                torch.le(q[step], -theta_n, out=below)
                # Where both thresholds are passed, the positive one counts.
                spike.sub_(below.mul_(1.0 - spike))
            torch.addcmul(q[step], w_fb, spike, value=-1.0, out=membrane)
            membrane.clamp_(-v_sat, v_sat)
        ctx.save_for_backward(q, spikes, theta_p, theta_n, w_fb, width, share)
        ctx.negative, ctx.v_sat = negative, v_sat
        return spikes

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        q, spikes, theta_p, theta_n, w_fb, _, _ = ctx.saved_tensors
        (d_spikes,) = gradients
        d_currents = torch.empty_like(d_spikes)
        d_theta_p, d_theta_n, d_w_fb = (torch.zeros_like(d_spikes[0]) for _ in range(3))
        # The membrane after the last step has no effect.
        after = torch.zeros_like(d_spikes[0])
        for last in range(len(q), 0, -_CHUNK_STEPS):
            part = slice(max(last - _CHUNK_STEPS, 0), last)
            above, below, passed = _slopes(ctx, part)
            slope = above + below
            kept = torch.addcmul(passed, passed * w_fb, slope, value=-1.0)
            torch.mul(d_spikes[part], slope, out=d_currents[part])
            # Gradient of each step's membrane: through the next step's current, as far as it is passed on.
            passed[-1] *= after
            for step in range(last - 1, part.start - 1, -1):
                after = d_currents[step].addcmul_(kept[step - part.start], after)
            passed[:-1] *= d_currents[part][1:]
            if any(ctx.needs_input_grad[1:3]):
                d_excess = torch.addcmul(d_spikes[part], w_fb, passed, value=-1.0)
                d_theta_p -= (d_excess * above).sum(dim=0)
                d_theta_n += (d_excess * below).sum(dim=0)
            if ctx.needs_input_grad[3]:
                d_w_fb -= (passed * spikes[part]).sum(dim=0)
        found = ((d_theta_p, theta_p), (d_theta_n, theta_n), (d_w_fb, w_fb))
        return d_currents, *(total.sum_to_size(value.shape) for total, value in found), *(None,) * 4


def _slopes(ctx: Any, part: slice) -> tuple[Tensor, Tensor, Tensor]:
    """Return the slopes of the spikes of either sign in some steps, and the share of a membrane that is passed on.

    A clipped membrane passes nothing on, a leaky one the rest.
    """
    q, spikes, theta_p, theta_n, w_fb, width, share = ctx.saved_tensors
    above = _slope(q[part] - theta_p, width)
    below = _slope(-q[part] - theta_n, width).mul_(spikes[part] <= 0) if ctx.negative else above.new_zeros(())
    clipped = torch.addcmul(q[part], w_fb, spikes[part], value=-1.0).abs_() > ctx.v_sat
    return above, below, (1.0 - share).expand_as(above).masked_fill(clipped, 0.0)


def _slope(excess: Tensor, width: Tensor) -> Tensor:
    """Return the surrogate slope, the derivative of a fast sigmoid: ``1 / (width * (1 + |excess / width|)^2)``."""
    scaled = excess.div_(width).abs_().add_(1.0)
    return scaled.square_().mul_(width).reciprocal_()


def _apply(function: type[torch.autograd.Function], *values: object) -> Tensor:
    return cast(Tensor, function.apply(*values))  # type: ignore[no-untyped-call]


def to_integers(values: Tensor, high: float, low: float | None = None) -> Tensor:
    """Round to integers within [low, high] (symmetric by default); the gradient passes straight through."""
    return _apply(_RoundThrough, values.clamp(-high if low is None else low, high))


@dataclass(frozen=True)
class NeuronLayer:
    """Parameters of one layer, each [neurons] or a number.

    Args:
        theta_p: positive threshold.
        theta_n: negative threshold, its magnitude.
        negative: whether the negative output is enabled.
        w_fb: feedback weight.
        decay: n of the leak 2^-n per step, 0 for none; one number, or a tensor of whole numbers for each neuron.
        v_sat: membrane limit.
        width: of the surrogate gradient, in units of the membrane.
    """

    theta_p: Tensor
    theta_n: Tensor
    negative: bool
    w_fb: Tensor
    decay: int | Tensor
    v_sat: float
    width: Tensor

    def run(self, currents: Tensor) -> Tensor:
        """Return spikes [steps, batch, neurons] for weighted input sums of the same shape, starting at rest."""
        n = torch.as_tensor(self.decay, dtype=currents.dtype, device=currents.device)
        share = torch.where(n > 0, torch.exp2(-n), torch.zeros_like(n))
        tensors = (currents, self.theta_p, self.theta_n, self.w_fb, self.width, share)
        return _apply(_Layer, *tensors, self.negative, self.v_sat)
