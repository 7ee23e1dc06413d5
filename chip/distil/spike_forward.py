"""Exact simulation in the forward pass, gradients of the rate model backwards."""

from __future__ import annotations

import torch
from torch import Tensor

from chip.distil.rate_model import RateStudent

__all__ = ["membranes", "spike_counts", "spike_trains"]


def spike_trains(student: RateStudent, spikes: Tensor) -> list[Tensor]:
    """Spikes of every layer, the input first, [step, sample, neuron]: what the chip does, step by step."""
    with torch.no_grad():
        trains = [spikes]
        for at in range(len(student.shape.layers)):
            current, theta = _current(student, trains, at)
            trains.append(_integrate(current, theta, student.v_sat, at == len(student.shape.layers) - 1))
        return trains


def membranes(student: RateStudent, trains: list[Tensor]) -> list[Tensor]:
    """Membranes of every layer after each step, in thresholds; saturation does not count."""
    found = []
    with torch.no_grad():
        for at in range(len(student.shape.layers)):
            current, theta = _current(student, trains, at)
            found.append((current - theta * trains[at + 1]).cumsum(dim=0) / theta)
    return found


def _current(student: RateStudent, trains: list[Tensor], at: int) -> tuple[Tensor, Tensor]:
    """Charge that arrives at each neuron of a layer, [step, sample, neuron], and the thresholds."""
    weight, bias, theta = student.integers(at)
    sources = student.shape.layers[at].sources
    parts = [trains[0] if number == 0 else _later(trains[number]) for number in sources]
    current = torch.cat(parts, dim=2) @ (weight * student.masks[at]).T
    # The bias neurons fire from the first step on, and arrive one later.
    current[1:] += bias
    return current, theta


def spike_counts(student: RateStudent, spikes: Tensor, counts: Tensor) -> Tensor:
    """Counts of the output layer by exact simulation; gradients flow through the rate model.

    Args:
        student: the network.
        spikes: input spikes, [step, sample, input].
        counts: their sums, [sample, input].
    """
    trains = spike_trains(student, spikes)
    exact = [train.sum(dim=0) for train in trains]
    values = [counts]
    for at, layer in enumerate(student.shape.layers):
        source = torch.cat([values[number] for number in layer.sources], dim=1)
        line = student.fire(at, student.drive(at, source))
        values.append(line + (exact[at + 1] - line).detach())
    return values[-1]


def _later(train: Tensor) -> Tensor:
    return torch.cat([torch.zeros_like(train[:1]), train[:-1]])


def _integrate(current: Tensor, theta: Tensor, v_sat: int, signed: bool) -> Tensor:
    membrane = torch.zeros_like(current[0])
    fired = torch.empty_like(current)
    for step in range(len(current)):
        membrane = membrane + current[step]
        spikes = (membrane >= theta).to(membrane.dtype)
        if signed:
            spikes = spikes - (membrane <= -theta).to(membrane.dtype)
        membrane = (membrane - theta * spikes).clamp(-v_sat, v_sat)
        fired[step] = spikes
    return fired
