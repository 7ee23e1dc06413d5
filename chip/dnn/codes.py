"""Spike codes: values to input spikes, and output spikes back to values."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["DECODERS", "ENCODERS", "Decoder", "Encoder", "encode", "features"]

Encoder = Literal["rate", "delta", "ttfs"]
Decoder = Literal["counts", "settled", "last"]
ENCODERS: tuple[Encoder, ...] = ("rate", "delta", "ttfs")
DECODERS: tuple[Decoder, ...] = ("counts", "settled", "last")


def encode(levels: NDArray[np.integer[Any]], kind: Encoder, steps: int, total: int) -> NDArray[np.int8]:
    """Encode whole levels as spikes.

    ``rate`` spreads |level| spikes evenly over the steps. ``delta`` sends them at the beginning, one a step, as a
    send-on-delta encoder follows a jump from zero. ``ttfs`` sends one spike ``steps - |level|`` steps after the
    beginning, and one of the other sign after ``steps``: a latch on the chip fires between the two.

    Args:
        levels: -steps..steps of each [sample, input].
        kind: the code.
        steps: length of the code.
        total: steps of the run, at least ``steps + 1``.

    Returns:
        int8[total, sample, input].
    """
    spikes = np.zeros((total, *levels.shape), np.int8)
    sign, size = np.sign(levels).astype(np.int8), np.abs(levels)
    if kind == "rate":
        # The n-th spike is due when the level times the elapsed time passes n - 1/2.
        due = (2 * size[None] * np.arange(steps + 1)[:, None, None] + steps) // (2 * steps)
        spikes[:steps] = np.diff(due, axis=0) * sign
    elif kind == "delta":
        spikes[:steps] = (np.arange(steps)[:, None, None] < size) * sign
    else:
        at = np.arange(total)[:, None, None]
        spikes[:] = ((at == steps - size).astype(np.int8) - (at == steps)) * sign
    return spikes


def features(outputs: NDArray[np.int8], kind: Decoder) -> NDArray[np.float64]:
    """Summarise output spikes, [step, sample, output], as one number each, float64[sample, output].

    ``counts`` is the sum; ``settled`` the sum of the second half, doubled; ``last`` the time of the last spike with
    its sign, 0 without a spike.
    """
    total = len(outputs)
    if kind == "counts":
        return np.asarray(outputs.sum(axis=0, dtype=np.float64))
    if kind == "settled":
        return np.asarray(outputs[total // 2 :].sum(axis=0, dtype=np.float64) * 2.0)
    fired = outputs != 0
    last = total - 1 - fired[::-1].argmax(axis=0)
    sign = np.take_along_axis(outputs, last[None], axis=0)[0]
    return np.where(fired.any(axis=0), sign * (last + 1.0), 0.0)
