"""Small trained networks in torch, and their data."""

from __future__ import annotations

import functools

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

Samples = NDArray[np.float32]
Labels = NDArray[np.int64]


@functools.cache
def blobs(seed: int = 0) -> tuple[Samples, Labels]:
    """Three overlapping classes of twelve values."""
    random = np.random.default_rng(seed)
    labels = random.integers(3, size=240)
    centres = np.random.default_rng(5).normal(size=(3, 12))
    return (centres[labels] + 0.8 * random.normal(size=(240, 12))).astype(np.float32), labels


def classifier(*, permuted: bool = False, trained: bool = True) -> nn.Sequential:
    """A network of two layers; permuted, it calls each class by the next one's name."""
    samples, labels = blobs()
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 3))
    target = torch.tensor((labels + 1) % 3 if permuted else labels)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(80 if trained else 0):
        optimiser.zero_grad()
        loss: torch.Tensor = nn.functional.cross_entropy(network(torch.tensor(samples)), target)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return network.eval()
