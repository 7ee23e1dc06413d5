"""Data and networks of the tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from lib.any_dnn.bearings import bearings
from lib.any_dnn.series_files import load_series
from lib.any_dnn.slide_rail import slide_rail

__all__ = ["TASKS", "Data", "DnnTask"]


@dataclass(frozen=True, eq=False)
class Data:
    """Training and test samples; labels are classes, or None for an autoencoder.

    Args:
        train: float32[sample, ...].
        labels: of these.
        test: float32[sample, ...].
        test_labels: of these; for an autoencoder whether the clip is anomalous.
        clip: of each test sample, for an autoencoder.
    """

    train: NDArray[np.float32]
    labels: NDArray[np.int64] | None
    test: NDArray[np.float32]
    test_labels: NDArray[np.int64]
    clip: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class DnnTask:
    """DnnTask: how its data is loaded, by seed, and its network."""

    data: Callable[[int], Data]
    network: Callable[[], nn.Module]
    epochs: int


def _digits(rows: bool) -> Callable[[int], Data]:
    def load(seed: int) -> Data:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        samples, labels = load_digits(return_X_y=True)
        shape = (-1, 8, 8) if rows else (-1, 64)
        scaled = (samples / 16).astype(np.float32).reshape(shape)
        if rows:
            # Channels are the columns, steps the rows.
            scaled = np.ascontiguousarray(scaled.transpose(0, 2, 1))
        parts = train_test_split(
            scaled, labels.astype(np.int64), test_size=0.25, random_state=seed, stratify=labels
        )
        return Data(parts[0], parts[2], parts[1], parts[3])

    return load


def _series(name: str) -> Callable[[int], Data]:
    def load(seed: int) -> Data:
        (train, labels), (test, test_labels) = load_series(name)
        middle, spread = train.mean(axis=(0, 2), keepdims=True), train.std(axis=(0, 2), keepdims=True)
        return Data((train - middle) / spread, labels, (test - middle) / spread, test_labels)

    return load


def _bearings(left_out: str | None) -> Callable[[int], Data]:
    def load(seed: int) -> Data:
        return Data(*bearings(seed, left_out))

    return load


def _slide_rail(seed: int) -> Data:
    train, test, anomalous, clip = slide_rail(seed)
    return Data(train, None, test, anomalous, clip)


def _mlp() -> nn.Module:
    return nn.Sequential(
        nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 10)
    )


def _cnn(
    channels: int, steps: int, classes: int, widths: tuple[int, int], kernel: int, stride: int
) -> nn.Module:
    one, two = widths
    pad = kernel // 2
    length = (steps + stride - 1) // stride
    return nn.Sequential(
        nn.Conv1d(channels, one, kernel, stride=stride, padding=pad),
        nn.BatchNorm1d(one),
        nn.ReLU(),
        nn.Conv1d(one, two, 5, stride=stride, padding=2),
        nn.BatchNorm1d(two),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(two * ((length + stride - 1) // stride), classes),
    )


def _motions() -> nn.Module:
    return nn.Sequential(
        nn.Conv1d(6, 12, 7, stride=2, padding=3),
        nn.BatchNorm1d(12),
        nn.ReLU(),
        nn.Conv1d(12, 12, 5, stride=2, padding=2),
        nn.BatchNorm1d(12),
        nn.ReLU(),
        nn.AvgPool1d(5),
        nn.Flatten(),
        nn.Linear(60, 4),
    )


def _autoencoder() -> nn.Module:
    return nn.Sequential(
        nn.Linear(64, 48),
        nn.ReLU(),
        nn.Linear(48, 12),
        nn.ReLU(),
        nn.Linear(12, 48),
        nn.ReLU(),
        nn.Linear(48, 64),
    )


TASKS: dict[str, DnnTask] = {
    "digits": DnnTask(_digits(False), _mlp, 60),
    "digits_rows": DnnTask(_digits(True), lambda: _cnn(8, 8, 10, (32, 32), 3, 1), 40),
    "italy_power": DnnTask(_series("ItalyPowerDemand"), lambda: _cnn(1, 24, 2, (8, 8), 5, 1), 150),
    "gun_point": DnnTask(_series("GunPoint"), lambda: _cnn(1, 150, 2, (8, 8), 7, 2), 200),
    "vowels": DnnTask(_series("JapaneseVowels"), lambda: _cnn(12, 29, 9, (16, 16), 5, 2), 60),
    "motions": DnnTask(_series("BasicMotions"), _motions, 100),
    "cwru": DnnTask(_bearings(None), lambda: _cnn(1, 128, 4, (12, 12), 9, 2), 20),
    "cwru_size": DnnTask(_bearings("021"), lambda: _cnn(1, 128, 4, (12, 12), 9, 2), 20),
    "slide_rail": DnnTask(_slide_rail, _autoencoder, 30),
}
