"""Which phase of the machine's cycle an exported teacher hears: what a student is taught of it."""

from __future__ import annotations

import os

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import TensorProto, helper

from anomaly.detect.detectors.teacher import BATCH
from anomaly.errors import ModelError
from anomaly.features.mel import Centibels
from anomaly.teacher.export import PHASE_OUTPUT


class PhaseClassifier:
    """Asks ``teacher.onnx`` for the phase of each window instead of its errors.

    Args:
        model: of a teacher that knows phases.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        asked = onnx.ModelProto()
        asked.CopyFrom(model)
        del asked.graph.output[:]
        asked.graph.output.append(helper.make_tensor_value_info(PHASE_OUTPUT, TensorProto.INT64, [BATCH]))
        # onnxruntime reports to its makers unless told not to.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            asked.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        given = self._session.get_inputs()[0]
        self._input, (_, self._context, self._bands) = given.name, given.shape

    def of(self, levels: Centibels) -> npt.NDArray[np.int64]:
        """Number of the phase of the window that ends at each frame, [frames]; levels [frames, bands].

        The first windows reach back before the segment and are filled with zeros.
        """
        before = np.zeros((self._context - 1, self._bands), np.float32)
        joined = np.concatenate([before, levels.astype(np.float32)])
        windows = np.lib.stride_tricks.sliding_window_view(joined, self._context, axis=0).transpose(0, 2, 1)
        found = np.zeros(len(windows), np.int64)
        for start in range(0, len(windows), BATCH):
            part = windows[start : start + BATCH]
            batch = np.zeros((BATCH, self._context, self._bands), np.float32)
            batch[: len(part)] = part
            (told,) = self._session.run(None, {self._input: batch})
            found[start : start + BATCH] = np.asarray(told)[: len(part)]
        return found


def phase_classifier(data: bytes) -> PhaseClassifier | None:
    """Ask an exported teacher for phases; None if it knows of none.

    Raises:
        ModelError: the bytes are no model that can be run.
    """
    try:
        model = onnx.load_from_string(data)
        knows = any(node.op_type == "ArgMax" and node.output[0] == PHASE_OUTPUT for node in model.graph.node)
        return PhaseClassifier(model) if knows else None
    except Exception as error:
        raise ModelError(f"is no model that tells phases: {error}", where="teacher.onnx") from error
