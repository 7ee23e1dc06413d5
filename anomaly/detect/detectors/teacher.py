"""Teacher detector: the exported autoencoder in ONNX Runtime, without torch."""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from anomaly.bundle import Bundle
from anomaly.bundle.parts import TEACHER
from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.errors import ModelError
from anomaly.features.front_end import WARM_UP_FRAMES
from anomaly.features.mel import Centibels

# Frames of one second, padded: matrix kernels may round by shape, so there is only one shape.
BATCH = 32


class TeacherDetector:
    """Runs ``teacher.onnx``: windows of levels in, whitened error per kind and group out.

    The model takes, all float32,

    * ``levels`` [BATCH, context, bands] in hundredths of a decibel. A window ends at the frame it is reported for,
      and reaches back no further than the warm-up after a reset;
    * ``recent`` [1, bands], the mean levels from the warm-up or, if that is longer ago, over the last ``spans``
      seconds;
    * ``span`` [1, spans], which is 1 at the number of these seconds, less one, and else 0,

    and returns ``errors`` float32 [BATCH, kinds * groups]. Models without the slow kind take
    ``levels`` alone.

    Args:
        onnx: the model's bytes.

    Raises:
        ModelError: the bytes are no model of this shape.
    """

    name = "teacher"

    def __init__(self, onnx: bytes) -> None:
        # onnxruntime 1.31 sends telemetry to its makers by default.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
            (windows, *means), (errors,) = self._session.get_inputs(), self._session.get_outputs()
        except Exception as error:
            raise ModelError(f"is no model that can be run: {error}", where=TEACHER) from error
        if (wrong := _signature_error(windows, means, errors)) is not None:
            raise ModelError(wrong, where=TEACHER, hint="train again")
        self._input = windows.name
        self._context, self._bands = int(windows.shape[1]), int(windows.shape[2])
        self._channels = int(errors.shape[1])
        self._spans = int(means[1].shape[1]) if means else 0
        self.reset(1)

    @property
    def bands(self) -> int:
        """Number of pooled mel bands in its input."""
        return self._bands

    @property
    def channels(self) -> int:
        """Number of error levels per frame: kinds times groups."""
        return self._channels

    def reset(self, streams: int) -> None:
        """Start parallel segments; windows that reach back before them are zero-padded, in frames of the warm-up."""
        self._past = np.zeros((streams, self._context - 1, self._bands), dtype=np.float32)
        self._seconds: list[tuple[npt.NDArray[np.int64], int]] = []
        self._sum = np.zeros((streams, self._bands), dtype=np.int64)
        self._count = 0

    def fresh(self) -> TeacherDetector:
        """Return the same teacher with a state of its own; both share the ONNX session."""
        twin = copy.copy(self)
        twin.reset(1)
        return twin

    def push(self, levels: Centibels) -> npt.NDArray[Any]:
        """Return the errors [streams, frames, channels] of one second of levels [streams, frames, bands]."""
        frames = levels.shape[1]
        joined = np.concatenate([self._past, levels.astype(np.float32)], axis=1)
        self._past = joined[:, frames:].copy()
        windows = np.lib.stride_tricks.sliding_window_view(joined, self._context, axis=1).transpose(
            0, 1, 3, 2
        )
        recent = self._recent(levels) if self._spans else [{}] * len(windows)
        return np.stack([self._run(stream, mean) for stream, mean in zip(windows, recent, strict=True)])

    def _recent(self, levels: Centibels) -> list[dict[str, npt.NDArray[np.float32]]]:
        """Return the inputs ``recent`` and ``span`` of each stream, for the last seconds up to this one.

        Running sums are integers, so that adding and removing seconds leaves no rounding error.
        """
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

    def _run(
        self, windows: npt.NDArray[np.float32], recent: dict[str, npt.NDArray[np.float32]]
    ) -> npt.NDArray[Any]:
        parts = []
        for start in range(0, len(windows), BATCH):
            batch = np.zeros((BATCH, self._context, self._bands), dtype=np.float32)
            part = windows[start : start + BATCH]
            batch[: len(part)] = part
            (errors,) = self._session.run(None, {self._input: batch, **recent})
            parts.append(np.asarray(errors)[: len(part)])
        return np.concatenate(parts)


def load(bundle: Bundle) -> TeacherDetector:
    """Load the teacher of a bundle.

    Raises:
        ModelError: the file is missing or no model of this shape.
    """
    return TeacherDetector(bundle.read(TEACHER))


def _signature_error(windows: Any, means: Sequence[Any], errors: Any) -> str | None:
    """Return what is wrong with the inputs and the output of a model, or None."""
    if {tensor.type for tensor in (windows, *means, errors)} != {"tensor(float)"}:
        return f"takes {windows.type} and gives {errors.type}, not float32 throughout"
    shapes = [*windows.shape, *errors.shape]
    words = f"has shapes {windows.shape} and {errors.shape}"
    if means and not _are_slow_inputs(means, windows.shape[-1]):
        return f"takes {', '.join(f'{tensor.name} {tensor.shape}' for tensor in (windows, *means))}"
    if len(windows.shape) != 3 or len(errors.shape) != 2 or not all(isinstance(n, int) for n in shapes):
        return words
    # Windows that reach further back than the warm-up would count frames from before the reset.
    fits = shapes[0] == shapes[3] == BATCH and 1 <= shapes[1] <= WARM_UP_FRAMES + 1
    grouped = shapes[2] >= 1 and shapes[4] >= SUB_BAND_GROUPS and shapes[4] % SUB_BAND_GROUPS == 0
    return None if fits and grouped else words


def _are_slow_inputs(means: Sequence[Any], bands: Any) -> bool:
    """Return whether the inputs beside the windows are those of the slow kind of error."""
    if [tensor.name for tensor in means] != ["recent", "span"]:
        return False
    (recent, span) = (tensor.shape for tensor in means)
    return (
        recent == [1, bands] and len(span) == 2 and span[0] == 1 and isinstance(span[1], int) and span[1] >= 1
    )
