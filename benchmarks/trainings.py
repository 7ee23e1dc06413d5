"""A training as a file of plain values: text that a reader can trust, and nothing that runs."""

from __future__ import annotations

import base64
import json
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anomaly.detect.model import read_code, write_code
from anomaly.detect.pooling import Pooling
from anomaly.errors import ModelError
from anomaly.student.circuit import Circuit, DriftIntegrators, SumNeurons
from anomaly.student.phases.gates import Gates


def write(values: dict[str, Any]) -> bytes:
    """Bytes, poolings, codes, circuits and numbers by name, as JSON."""
    plain = {name: _plain(value) for name, value in values.items()}
    # Numbers of NumPy become numbers.
    return json.dumps(plain, sort_keys=True, default=lambda number: number.item()).encode()


def read(data: bytes) -> dict[str, Any]:
    """What `write` was given.

    Raises:
        ModelError: it is no such file.
    """
    try:
        return {name: _whole(value) for name, value in json.loads(data).items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"is no kept training: {error}") from error


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, Pooling):
        return {"pooling": value.to_dict()}
    if isinstance(value, np.ndarray):
        return {"shape": value.shape, "integers": value.ravel().tolist()}
    if isinstance(value, Circuit | Gates | DriftIntegrators | SumNeurons):
        return {
            type(value).__name__: {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
        }
    if is_dataclass(value):
        return {"encoder": write_code(value)}  # type: ignore[arg-type]
    return value


def _whole(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if "bytes" in value:
        return base64.b64decode(value["bytes"])
    if "pooling" in value:
        return Pooling.from_dict(value["pooling"])
    if "encoder" in value:
        return read_code(value)
    if "integers" in value:
        found: npt.NDArray[np.int32] = np.array(value["integers"], np.int32).reshape(value["shape"])
        return found
    for made in (Circuit, Gates, DriftIntegrators, SumNeurons):
        if made.__name__ in value:
            parts = {name: _whole(part) for name, part in value[made.__name__].items()}
            return made(**{name: tuple(part) if name == "kinds" else part for name, part in parts.items()})
    return value
