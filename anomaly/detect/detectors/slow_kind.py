"""Sums of earlier seconds for the slow kind of a teacher's errors, a mean over the last seconds.

Two sorts of teachers have one; besides ``levels`` their models take, all float32,

* mean innovation (trained since December 2026): ``counted`` [1, BATCH], which is 1 at the frames of this second after
  the warm-up and else 0; ``earlier`` [1, bands], the sum of the innovations of the seconds before, as far as they
  count; ``frames`` [1, 1], the number of all these frames; and ``span`` [1, spans]. They return the sum of this
  second's innovations as ``total`` [1, bands];
* mean spectrum: ``recent`` [1, bands], the mean levels, and ``span`` [1, spans].

``span`` is 1 at the number of seconds, less one, and else 0. Means start after the warm-up and reach back ``spans``
seconds at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from anomaly.errors import ModelError
from anomaly.features.front_end import WARM_UP_FRAMES
from anomaly.features.mel import Centibels

# Frames of one second, padded: matrix kernels may round by shape, so there is only one shape.
BATCH = 32
# Weights of innovation and slow: see "The teacher" in docs/student.md.
_INNOVATION_SHARES = (2 / 3, 1 / 3)

Inputs = dict[str, npt.NDArray[np.float32]]


class SlowKind(Protocol):
    """State of the slow kind of error since a reset."""

    @property
    def shares(self) -> tuple[float, ...] | None:
        """Weights of the kinds of error in the score; None for those that `pooling` fixes."""

    def restarted(self, streams: int) -> SlowKind:
        """Return the state after a reset of parallel streams."""

    def inputs(self, levels: Centibels) -> list[Inputs]:
        """Return the model's further inputs of each stream for a second of levels [streams, frames, bands]."""

    def add(self, stream: int, totals: Sequence[npt.NDArray[Any]]) -> None:
        """Take the model's further outputs for a second of a stream."""


def slow_kind(inputs: Sequence[Any], outputs: Sequence[Any], bands: int) -> SlowKind | None:
    """Return the slow kind of a model by its inputs beside ``levels`` and its outputs beside ``errors``.

    Returns:
        A kind without inputs for models that have no slow kind; None where there is no such sort of model.
    """
    if not inputs and not outputs:
        return _NoSlowKind()
    given = {tensor.name: tensor.shape for tensor in (*inputs, *outputs)}
    spans = given.get("span", [0, 0])[-1]
    if (
        any(one.type != "tensor(float)" for one in (*inputs, *outputs))
        or not isinstance(spans, int)
        or spans < 1
    ):
        return None
    if given == {"recent": [1, bands], "span": [1, spans]}:
        return _MeanSpectrum(spans, bands)
    innovation = {"counted": [1, BATCH], "earlier": [1, bands], "frames": [1, 1], "span": [1, spans]}
    return _MeanInnovation(spans, bands) if given == {**innovation, "total": [1, bands]} else None


class _NoSlowKind:
    shares = None

    def restarted(self, streams: int) -> SlowKind:
        self._streams = streams
        return self

    def inputs(self, levels: Centibels) -> list[Inputs]:
        return [{} for _ in levels]

    def add(self, stream: int, totals: Sequence[npt.NDArray[Any]]) -> None:
        pass


class _MeanInnovation:
    shares = _INNOVATION_SHARES

    def __init__(self, spans: int, bands: int, streams: int = 1) -> None:
        self._spans, self._bands = spans, bands
        # Of each second: frames that count, and the sum of the innovations of each stream.
        self._counts: list[int] = []
        self._totals: list[npt.NDArray[np.float64]] = []
        self._streams = streams

    def restarted(self, streams: int) -> SlowKind:
        return _MeanInnovation(self._spans, self._bands, streams)

    def inputs(self, levels: Centibels) -> list[Inputs]:
        frames = levels.shape[1]
        if frames > BATCH:
            raise ModelError(f"{frames} frames are more than the {BATCH} of a second")
        first = min(WARM_UP_FRAMES, frames - 1) if not self._counts else 0
        earlier = np.zeros((self._streams, self._bands))
        # In the order of the seconds: the sum of rounded numbers depends on it.
        for total in self._totals[len(self._totals) - (self._spans - 1) :] if self._spans > 1 else []:
            earlier += total
        counted = np.zeros((1, BATCH), np.float32)
        counted[0, first:frames] = 1.0
        self._counts = [*self._counts, frames - first][-self._spans :]
        self._totals = [*self._totals, np.zeros((self._streams, self._bands))][-self._spans :]
        span = np.zeros((1, self._spans), np.float32)
        span[0, len(self._counts) - 1] = 1.0
        number = np.array([[sum(self._counts)]], np.float32)
        return [
            {"counted": counted, "earlier": one[None].astype(np.float32), "frames": number, "span": span}
            for one in earlier
        ]

    def add(self, stream: int, totals: Sequence[npt.NDArray[Any]]) -> None:
        self._totals[-1][stream] = totals[0][0]


class _MeanSpectrum:
    shares = None

    def __init__(self, spans: int, bands: int, streams: int = 1) -> None:
        self._spans, self._bands = spans, bands
        self._seconds: list[tuple[npt.NDArray[np.int64], int]] = []
        self._sum = np.zeros((streams, bands), dtype=np.int64)
        self._count = 0

    def restarted(self, streams: int) -> SlowKind:
        return _MeanSpectrum(self._spans, self._bands, streams)

    def inputs(self, levels: Centibels) -> list[Inputs]:
        """Return mean and span; running sums are integers, so that adding and removing leaves no rounding error."""
        first = WARM_UP_FRAMES if not self._seconds and levels.shape[1] > WARM_UP_FRAMES else 0
        second = levels[:, first:].sum(axis=1, dtype=np.int64), levels.shape[1] - first
        expired = self._seconds[0] if len(self._seconds) == self._spans else (0, 0)
        self._seconds = [*self._seconds, second][-self._spans :]
        self._sum = self._sum + second[0] - expired[0]
        self._count += second[1] - expired[1]
        means = (self._sum / self._count).astype(np.float32)
        span = np.zeros((1, self._spans), dtype=np.float32)
        span[0, len(self._seconds) - 1] = 1.0
        return [{"recent": mean[None], "span": span} for mean in means]

    def add(self, stream: int, totals: Sequence[npt.NDArray[Any]]) -> None:
        pass
