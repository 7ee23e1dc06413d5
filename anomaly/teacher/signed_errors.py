"""Signed errors of an exported teacher: by how much, and in which direction, each band differs from its prediction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto

from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.errors import ModelError
from anomaly.features.mel import Centibels
from anomaly.teacher.inner_value import InnerValue, has_value

# Name of the value that holds the whitened innovations, in each teacher that this program has exported.
_WHITE = "innovation.white"


def signed_errors(data: bytes, segments: Sequence[Centibels]) -> list[npt.NDArray[np.float32]] | None:
    """Compute a teacher's whitened innovation of each frame.

    Args:
        data: ``teacher.onnx``.
        segments: levels [frames, bands] of uninterrupted stretches.

    Returns:
        For each segment [frames, bands], NaN in the first frames, whose past is not known; None for a network that
        gives no signed errors.

    Raises:
        ModelError: the bytes are not a model that can be run.
    """
    try:
        model = onnx.load_from_string(data)
        if not has_value(model, _WHITE):
            return None
        bands = segments[0].shape[1] if segments else SUB_BAND_GROUPS
        value = InnerValue(model, _WHITE, TensorProto.FLOAT, bands)
    except Exception as error:
        raise ModelError(f"is no model whose errors can be read: {error}", where="teacher.onnx") from error
    found = []
    for segment in segments:
        errors = np.array(value.of_frames(segment), np.float32)
        errors[: value.context - 1] = np.nan
        found.append(errors)
    return found
