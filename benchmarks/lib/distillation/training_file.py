"""Training results as JSON of plain values, which is safe to read: nothing in it is executed."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from anomaly.detect.pooling import Pooling
from anomaly.errors import ModelError
from anomaly.features.delta_encoder import DeltaCode
from anomaly.student.circuit import Circuit
from anomaly.student.circuit_parts import DriftIntegrators, SumNeurons
from anomaly.student.phases.gates import Gates


def write(values: dict[str, Any]) -> bytes:
    """Serialise bytes, poolings, delta codes, circuits and numbers, by name, as JSON."""
    plain = {name: _to_plain(value) for name, value in values.items()}
    # NumPy numbers become Python numbers.
    return json.dumps(plain, sort_keys=True, default=lambda number: number.item()).encode()


def read(data: bytes) -> dict[str, Any]:
    """Restore the values that `write` has serialised.

    Raises:
        ModelError: the data was not written by `write`.
    """
    try:
        return {name: _from_plain(value) for name, value in json.loads(data).items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"is not a stored training: {error}") from error


def _to_plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, Pooling):
        return {"pooling": value.to_dict()}
    if isinstance(value, np.ndarray):
        return {"shape": value.shape, "integers": value.ravel().tolist()}
    if isinstance(value, Circuit | Gates | DriftIntegrators | SumNeurons):
        return {
            type(value).__name__: {item.name: _to_plain(getattr(value, item.name)) for item in fields(value)}
        }
    if isinstance(value, DeltaCode):
        return {"encoder": value.to_dict()}
    return value


def _from_plain(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if "bytes" in value:
        return base64.b64decode(value["bytes"])
    if "pooling" in value:
        return Pooling.from_dict(value["pooling"])
    if "encoder" in value:
        return DeltaCode.from_dict(value["encoder"])
    if "integers" in value:
        found: npt.NDArray[np.int32] = np.array(value["integers"], np.int32).reshape(value["shape"])
        return found
    classes: tuple[Callable[..., Any], ...] = (Circuit, Gates, DriftIntegrators, SumNeurons)
    for cls in classes:
        if cls.__name__ in value:
            arguments = {name: _from_plain(item) for name, item in value[cls.__name__].items()}
            return cls(**{name: tuple(item) if name == "kinds" else item for name, item in arguments.items()})
    return value
