"""Autoencoder of DCASE 2020 Task 2, as published (Koizumi et al., arXiv 2006.05822)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from baselines import Samples
from baselines.log_mel import log_mel

FRAMES = 5
BANDS = 128
WIDTH = 128
BOTTLENECK = 8
BATCH = 512
LEARNING_RATE = 1e-3


class DcaseAe:
    """Reconstructs five frames of 128 mel bands through a bottleneck of eight.

    The net is 640-128x4-8-128x4-640 with batch normalisation and ReLU, and Keras' defaults, which
    the published code relies on: Glorot weights, batch statistics with momentum 0.99 and epsilon
    0.001, Adam with epsilon 1e-7. The published code holds out a tenth of the sound for a figure
    that it only prints; here all of it is used for training.

    Args:
        epochs: passes over the training sound; 100 as published.
        seed: of the weights and the order of the batches.
        progress: called after each epoch with (epoch, epochs, loss).
    """

    def __init__(
        self, epochs: int = 100, seed: int = 0, progress: Callable[[int, int, float], None] | None = None
    ) -> None:
        self.epochs = epochs
        self._seed = seed
        self._progress = progress
        self._net = nn.Sequential()

    def fit(self, clips: Sequence[Samples]) -> None:
        """Train on normal clips of at least five frames (0.2 s)."""
        vectors = torch.from_numpy(np.concatenate([_vectors(clip) for clip in clips]))
        generator = torch.Generator().manual_seed(self._seed)
        self._net = _network(generator).train()
        adam = torch.optim.Adam(self._net.parameters(), lr=LEARNING_RATE, eps=1e-7)
        for epoch in range(self.epochs):
            total = 0.0
            for batch in torch.split(torch.randperm(len(vectors), generator=generator), BATCH):
                if len(batch) < 2:
                    continue  # batch statistics need two vectors
                chosen = vectors[batch]
                adam.zero_grad(set_to_none=True)
                loss = nn.functional.mse_loss(self._net(chosen), chosen)
                loss.backward()  # type: ignore[no-untyped-call]
                adam.step()
                total += loss.item() * len(batch)
            if self._progress is not None:
                self._progress(epoch + 1, self.epochs, total / len(vectors))
        self._net.eval()

    def score(self, clip: Samples) -> float:
        """Mean squared reconstruction error over the clip, in dB squared."""
        vectors = torch.from_numpy(_vectors(clip))
        with torch.inference_mode():
            return float(nn.functional.mse_loss(self._net(vectors), vectors))


def _vectors(clip: Samples) -> npt.NDArray[np.float32]:
    """Every run of five frames, side by side, shape [frames - 4, 640]."""
    levels = log_mel(clip)
    count = len(levels) - FRAMES + 1
    return np.concatenate([levels[i : i + count] for i in range(FRAMES)], axis=1)


def _network(generator: torch.Generator) -> nn.Sequential:
    widths = [FRAMES * BANDS, *[WIDTH] * 4, BOTTLENECK, *[WIDTH] * 4]
    layers: list[nn.Module] = []
    for wide, narrow in itertools.pairwise(widths):
        layers += [
            _dense(wide, narrow, generator),
            nn.BatchNorm1d(narrow, eps=1e-3, momentum=0.01),
            nn.ReLU(),
        ]
    layers.append(_dense(WIDTH, FRAMES * BANDS, generator))
    return nn.Sequential(*layers)


def _dense(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.xavier_uniform_(layer.weight, generator=generator)
    nn.init.zeros_(layer.bias)
    return layer
