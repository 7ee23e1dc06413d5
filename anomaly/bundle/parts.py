"""Names of the files of a bundle, and the reader of the one that several parts of the program share."""

from __future__ import annotations

import json
from typing import Any

from anomaly.bundle.folder import Bundle
from anomaly.errors import ModelError

CALIBRATION, BITSTREAM, TEACHER, ARCH = "calibration.json", "network.bit", "teacher.onnx", "arch.yaml"
NETWORK = "network.npz"


def read_calibration(bundle: Bundle) -> dict[str, Any]:
    """Read ``calibration.json``: a part for each detector, the encoder, the operating states, the microphone.

    Raises:
        ModelError: it is missing, or holds no JSON object.
    """
    try:
        values = json.loads(bundle.read(CALIBRATION))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"is no JSON: {error}", where=bundle.path / CALIBRATION) from error
    if not isinstance(values, dict):
        raise ModelError("is no JSON object", where=bundle.path / CALIBRATION)
    return values
