"""Phase labels of an exported teacher: its phase of the machine's cycle at each frame."""

from __future__ import annotations

import os

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import TensorProto, helper

from anomaly.detect.detectors.slow_kind import BATCH
from anomaly.errors import ModelError
from anomaly.features.mel import Centibels
from anomaly.teacher.export import PHASE_OUTPUT


class PhaseClassifier:
    """Runs ``teacher.onnx`` for the phase of each window instead of its errors.

    Args:
        model: of a teacher with phases.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        classifier = onnx.ModelProto()
        classifier.CopyFrom(model)
        del classifier.graph.output[:]
        classifier.graph.output.append(
            helper.make_tensor_value_info(PHASE_OUTPUT, TensorProto.INT64, [BATCH])
        )
        # onnxruntime sends telemetry unless this is set.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            classifier.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        levels = self._session.get_inputs()[0]
        self._input, (_, self._context, self._bands) = levels.name, levels.shape

    def classify(self, levels: Centibels) -> npt.NDArray[np.int64]:
        """Return the number of the phase of the window that ends at each frame, [frames], of levels [frames, bands].

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
            (labels,) = self._session.run(None, {self._input: batch})
            found[start : start + BATCH] = np.asarray(labels)[: len(part)]
        return found


def phase_classifier(data: bytes) -> PhaseClassifier | None:
    """Make a classifier of an exported teacher; None if the teacher has no phases.

    Raises:
        ModelError: the bytes are not a model that can be run.
    """
    try:
        model = onnx.load_from_string(data)
        has_phases = any(
            node.op_type == "ArgMax" and node.output[0] == PHASE_OUTPUT for node in model.graph.node
        )
        return PhaseClassifier(model) if has_phases else None
    except Exception as error:
        raise ModelError(f"is no model that tells phases: {error}", where="teacher.onnx") from error
