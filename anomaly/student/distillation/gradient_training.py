"""Training of a circuit by surrogate gradients, on windows with the teacher's output."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from anomaly.detect.pooling import Pooling
from anomaly.student.distillation.circuit_model import CircuitModel
from anomaly.student.distillation.ranking_loss import ranking_loss, student_outputs

# Learning rates of Adam: weights in units, thresholds as a share of their mean.
_WEIGHT_RATE, _THRESHOLD_RATE = 0.05, 0.02
# Share of the steps, the first ones, that are left out of the mean of the parameters.
_BURN_IN = 0.2


def train_circuit(
    model: CircuitModel,
    events: Tensor,
    targets: Tensor,
    pooling: Pooling,
    *,
    micro_steps: int,
    steps: int,
    batch: int,
    seed: int,
    progress: Callable[[float], None],
) -> None:
    """Train a model in place; the outcome is the mean of its parameters over the steps after the first fifth.

    Whole weights under noisy gradients fluctuate; their mean, rounded once, does not (stochastic weight averaging;
    Izmailov et al., 2018).

    Args:
        model: the circuit.
        events: of each window, [windows, steps, bands].
        targets: the teacher's output, [windows, seconds, 1 + groups].
        pooling: standardisation of the student's read-outs.
        micro_steps: steps per frame.
        steps, batch: gradient steps, and windows in each.
        seed: of the order of windows.
        progress: called with the share that is done.
    """
    torch.manual_seed(seed)
    order = torch.Generator().manual_seed(seed)
    threshold_rate = _THRESHOLD_RATE * float(model.thresholds.detach().mean())
    rates = {"weights": _WEIGHT_RATE, "gate_weights": _WEIGHT_RATE, "thresholds": threshold_rate}
    groups = [{"params": [value], "lr": rates[name]} for name, value in model.named_parameters()]
    optimiser = torch.optim.Adam(groups)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    mean = torch.optim.swa_utils.AveragedModel(model)
    for step in range(steps):
        chosen = torch.randperm(len(events), generator=order)[:batch].to(events.device)
        spikes = model(events[chosen].float().transpose(0, 1))
        outputs = student_outputs(spikes, pooling, micro_steps)
        loss = ranking_loss(outputs.flatten(0, 1), targets[chosen].flatten(0, 1))
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
        model.keep_within_limits()
        if step >= int(_BURN_IN * steps):
            mean.update_parameters(model)
        progress((step + 1) / steps)
    model.load_state_dict(mean.module.state_dict())
