"""Ranking loss of distillation: the student's order of seconds against the teacher's.

With s_i, t_i the outputs of student and teacher for second i (RankNet; Burges et al., 2005)::

    L = mean_(i,j) BCE(sigmoid(s_i - s_j), sigmoid(t_i - t_j))

The outputs of the two are on different scales, so only their order within pairs is compared.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from anomaly.detect.pooling import SUB_BAND_GROUPS, Pooling
from anomaly.features.front_end import WARM_UP_FRAMES, frames_before
from anomaly.student.distillation.training_windows import WINDOW_S

# Added to rates before roots and logarithms, more than scoring adds: their slopes are steep near zero.
_RATE_FLOOR = 0.02
# Weight of the order per group, relative to the order of scores.
_GROUP_WEIGHT = 0.3


def ranking_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Compute the loss of the order of scores, plus a share of the loss of the order per group.

    Args:
        student, teacher: outputs [seconds, 1 + groups] in standard deviations of normal sound, the score first.
    """
    score = _pair_loss(student[:, :1], teacher[:, :1])
    groups = _pair_loss(student[:, 1:], teacher[:, 1:])
    return score + _GROUP_WEIGHT * groups


def _pair_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Compute the cross entropy of pairwise orders, both [seconds, columns]."""
    ours, theirs = (values[:, None] - values[None] for values in (student, teacher))
    return torch.nn.functional.binary_cross_entropy_with_logits(ours, torch.sigmoid(theirs))


def student_outputs(spikes: Tensor, pooling: Pooling, micro_steps: int) -> Tensor:
    """Pool read-out spikes [steps, batch, channels] as scoring does on the scale "count".

    Returns:
        The score, then the deviation of each group, [batch, seconds, 1 + groups].
    """
    frames = spikes.reshape(-1, micro_steps, *spikes.shape[1:]).sum(dim=1).transpose(0, 1)
    arrays = (pooling.centre, pooling.spread, pooling.view_centre, pooling.view_spread)
    centre, spread, view_centre, view_spread = (
        torch.from_numpy(a).to(spikes.device, spikes.dtype) for a in arrays
    )
    # A kind's share is that of its two views together.
    weights = np.full(pooling.kinds, 1.0 / pooling.kinds) if pooling.shares is None else pooling.shares
    shares = torch.from_numpy(np.tile(weights, 2) / 2).to(spikes.device, spikes.dtype)
    seconds = []
    for second in range(WINDOW_S):
        first = WARM_UP_FRAMES if second == 0 else frames_before(second)
        part = frames[:, first : frames_before(second + 1)]
        top = part.topk(max(1, round(0.25 * part.shape[1])), dim=1).values
        counts = torch.stack([part.mean(dim=1), top.mean(dim=1)], dim=1)
        whole = torch.log(counts.reshape(len(counts), -1, SUB_BAND_GROUPS).mean(dim=2) + _RATE_FLOOR)
        score = (((whole - view_centre) / view_spread) * shares).sum(dim=1, keepdim=True)
        deviation = (torch.sqrt(counts + _RATE_FLOOR) - torch.sqrt(centre**2 + _RATE_FLOOR)) / spread
        groups = deviation.reshape(len(deviation), 2, -1, SUB_BAND_GROUPS).amax(dim=2).mean(dim=1)
        seconds.append(torch.cat([score, groups], dim=1))
    return torch.stack(seconds, dim=1)
