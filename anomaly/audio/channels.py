"""Selection of one channel of several, or their mean."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from anomaly.errors import InputError, UsageError

Samples: TypeAlias = npt.NDArray[np.float32]
Channel: TypeAlias = int | Literal["mean"]


def parse_channel(text: str) -> Channel:
    """Parse ``--channel``: ``mean``, or a number counted from 0.

    Raises:
        UsageError: any other text.
    """
    if text == "mean":
        return "mean"
    if text.isascii() and text.isdigit():
        return int(text)
    raise UsageError(f"--channel is 'mean' or a number counted from 0, not {text!r}")


def only_channels(number: int) -> str:
    """Return the channels that there are, for an error about one that is missing."""
    return "only channel 0" if number == 1 else f"only channels 0 to {number - 1}"


def to_mono(x: Samples, channel: Channel = "mean", *, where: object = None) -> Samples:
    """Select one channel, or average all of them.

    The mean is summed channel by channel in float64, so that it does not depend on the number of samples per call.

    Args:
        x: float32 [n, channels] (or [n], returned as it is for channel 0 and the mean).
        channel: a number counted from 0, or "mean".
        where: the file or device to name in an error.

    Returns:
        float32 [n], contiguous.

    Raises:
        InputError: there is no such channel.
    """
    columns = x[:, np.newaxis] if x.ndim == 1 else x
    count = columns.shape[1]
    if channel == "mean":
        if count == 1:
            return np.ascontiguousarray(columns[:, 0])
        total = columns[:, 0].astype(np.float64)
        for index in range(1, count):
            total += columns[:, index]
        mean: Samples = (total / count).astype(np.float32)
        return mean
    if not 0 <= channel < count:
        raise InputError(f"there is no channel {channel}, {only_channels(count)}", where=where)
    return np.ascontiguousarray(columns[:, channel])
