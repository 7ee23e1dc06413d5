"""Phase labels of an exported teacher: its phase of the machine's cycle at each frame."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto

from anomaly.errors import ModelError
from anomaly.features.mel import Centibels
from anomaly.teacher.export import PHASE_OUTPUT
from anomaly.teacher.inner_value import InnerValue


class PhaseClassifier:
    """Runs ``teacher.onnx`` for the phase of each window instead of its errors.

    Args:
        model: of a teacher with phases.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self._value = InnerValue(model, PHASE_OUTPUT, TensorProto.INT64)

    def classify(self, levels: Centibels) -> npt.NDArray[np.int64]:
        """Return the number of the phase of the window that ends at each frame, [frames], of levels [frames, bands].

        The first windows reach back before the segment and are filled with zeros.
        """
        return self._value.of_frames(levels).astype(np.int64)


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
