"""Teacher detector: the exported autoencoder in ONNX Runtime, without torch."""

from __future__ import annotations

import copy
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from anomaly.bundle import Bundle
from anomaly.bundle.parts import TEACHER
from anomaly.detect.detectors.slow_kind import BATCH, slow_kind
from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.errors import ModelError
from anomaly.features.front_end import WARM_UP_FRAMES
from anomaly.features.mel import Centibels


class TeacherDetector:
    """Runs ``teacher.onnx``: windows of levels in, whitened error per kind and group out.

    The model takes, all float32, ``levels`` [BATCH, context, bands] in hundredths of a decibel (a window ends at the
    frame it is reported for, and reaches back no further than the warm-up after a reset), and returns ``errors``
    [BATCH, kinds * groups]. A model with a slow kind of error takes the sums of earlier seconds too
    (`slow_kind.py`).

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
            (windows, *others), (errors, *totals) = self._session.get_inputs(), self._session.get_outputs()
        except Exception as error:
            raise ModelError(f"is no model that can be run: {error}", where=TEACHER) from error
        slow = slow_kind(others, totals, windows.shape[-1] if windows.shape else 0)
        if slow is not None and (wrong := _signature_error(windows, errors)) is not None:
            raise ModelError(wrong, where=TEACHER, hint="train again")
        if slow is None:
            names = ", ".join(
                f"{tensor.name} {tensor.shape}" for tensor in (windows, *others, errors, *totals)
            )
            raise ModelError(f"takes and gives {names}", where=TEACHER, hint="train again")
        self._input = windows.name
        self._context, self._bands = int(windows.shape[1]), int(windows.shape[2])
        self._channels = int(errors.shape[1])
        self._slow = slow
        self.reset(1)

    @property
    def bands(self) -> int:
        """Number of pooled mel bands in its input."""
        return self._bands

    @property
    def channels(self) -> int:
        """Number of error levels per frame: kinds times groups."""
        return self._channels

    @property
    def shares(self) -> tuple[float, ...] | None:
        """Weights of the kinds of error in the score; None for those that `pooling` fixes."""
        return self._slow.shares

    def reset(self, streams: int) -> None:
        """Start parallel segments; windows that reach back before them are zero-padded, in frames of the warm-up."""
        self._past = np.zeros((streams, self._context - 1, self._bands), dtype=np.float32)
        self._slow = self._slow.restarted(streams)

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
        given = self._slow.inputs(levels)
        return np.stack(
            [
                self._run(n, stream, values)
                for n, (stream, values) in enumerate(zip(windows, given, strict=True))
            ]
        )

    def _run(
        self, stream: int, windows: npt.NDArray[np.float32], slow: dict[str, npt.NDArray[np.float32]]
    ) -> npt.NDArray[Any]:
        parts = []
        for start in range(0, len(windows), BATCH):
            batch = np.zeros((BATCH, self._context, self._bands), dtype=np.float32)
            part = windows[start : start + BATCH]
            batch[: len(part)] = part
            errors, *total = self._session.run(None, {self._input: batch, **slow})
            self._slow.add(stream, total)
            parts.append(np.asarray(errors)[: len(part)])
        return np.concatenate(parts)


def load(bundle: Bundle) -> TeacherDetector:
    """Load the teacher of a bundle.

    Raises:
        ModelError: the file is missing or no model of this shape.
    """
    return TeacherDetector(bundle.read(TEACHER))


def _signature_error(windows: Any, errors: Any) -> str | None:
    """Return what is wrong with the windows and the errors of a model, or None."""
    if {windows.type, errors.type} != {"tensor(float)"}:
        return f"takes {windows.type} and gives {errors.type}, not float32 throughout"
    shapes = [*windows.shape, *errors.shape]
    words = f"has shapes {windows.shape} and {errors.shape}"
    if len(windows.shape) != 3 or len(errors.shape) != 2 or not all(isinstance(n, int) for n in shapes):
        return words
    # Windows that reach further back than the warm-up would count frames from before the reset.
    fits = shapes[0] == shapes[3] == BATCH and 1 <= shapes[1] <= WARM_UP_FRAMES + 1
    grouped = shapes[2] >= 1 and shapes[4] >= SUB_BAND_GROUPS and shapes[4] % SUB_BAND_GROUPS == 0
    return None if fits and grouped else words
