"""Values inside an exported teacher that its outputs do not show, such as signed errors and phases."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import helper

from anomaly.detect.detectors.slow_kind import BATCH
from anomaly.features.mel import Centibels


class InnerValue:
    """Runs ``teacher.onnx`` for one of its inner values instead of its errors.

    Args:
        model: the teacher.
        name: the value, computed for each window.
        kind: its element type, of `onnx.TensorProto`.
        width: values per window; none for one without a dimension of its own.
    """

    def __init__(self, model: onnx.ModelProto, name: str, kind: int, width: int | None = None) -> None:
        inner = onnx.ModelProto()
        inner.CopyFrom(model)
        del inner.graph.output[:]
        shape = [BATCH] if width is None else [BATCH, width]
        inner.graph.output.append(helper.make_tensor_value_info(name, kind, shape))
        # Inputs that only the outputs need, which are not computed here, would have to be fed.
        del inner.graph.input[1:]
        _remove_what_needs_more(inner, name)
        # onnxruntime sends telemetry unless this is set.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            inner.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        levels = self._session.get_inputs()[0]
        self._input, (_, self.context, self._bands) = levels.name, levels.shape

    def of_frames(self, levels: Centibels) -> npt.NDArray[Any]:
        """Return the value of the window that ends at each frame, of levels [frames, bands].

        The first windows reach back before the segment and are filled with zeros.
        """
        before = np.zeros((self.context - 1, self._bands), np.float32)
        joined = np.concatenate([before, levels.astype(np.float32)])
        windows = np.lib.stride_tricks.sliding_window_view(joined, self.context, axis=0).transpose(0, 2, 1)
        parts = []
        for start in range(0, len(windows), BATCH):
            part = windows[start : start + BATCH]
            batch = np.zeros((BATCH, self.context, self._bands), np.float32)
            batch[: len(part)] = part
            (values,) = self._session.run(None, {self._input: batch})
            parts.append(np.asarray(values)[: len(part)])
        return np.concatenate(parts)


def has_value(model: onnx.ModelProto, name: str) -> bool:
    """Return whether a node of the model computes a value of this name."""
    return any(name in node.output for node in model.graph.node)


def _remove_what_needs_more(model: onnx.ModelProto, name: str) -> None:
    """Keep the nodes that lead to the value alone."""
    wanted, kept = {name}, []
    for node in reversed(model.graph.node):
        if wanted & set(node.output):
            kept.append(node)
            wanted |= set(node.input)
    del model.graph.node[:]
    model.graph.node.extend(reversed(kept))
