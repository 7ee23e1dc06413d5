"""``io.json``: how a host feeds a bitstream and reads it, as a versioned, validated file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from chip.dnn.codes import Decoder, Encoder, encode, features
from chip.dnn.layers import Readout
from chip.errors import BitstreamError
from chip.file_io import read_bytes

__all__ = ["FORMAT", "VERSION", "IoDescription", "read_io"]

FORMAT: Literal["anomaly-chip-io"] = "anomaly-chip-io"
VERSION: Literal[1] = 1
_MAX_STEPS, _MAX_VALUES = 4096, 1 << 16

Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Index = Annotated[int, Field(ge=0, lt=_MAX_VALUES)]
Group = Annotated[tuple[Index, ...], Field(min_length=1, max_length=_MAX_VALUES)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InputCode(_Part):
    """Values to spikes: mean of each group, minus offset, over scale, clipped to -1..1, times steps, rounded."""

    shape: Annotated[
        tuple[Annotated[int, Field(ge=1, le=_MAX_VALUES)], ...], Field(min_length=1, max_length=4)
    ]
    groups: Annotated[tuple[Group, ...], Field(min_length=1, max_length=_MAX_VALUES)]
    offset: tuple[Finite, ...]
    scale: tuple[Positive, ...]
    encoder: Encoder
    steps: Annotated[int, Field(ge=1, le=_MAX_STEPS)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        size = int(np.prod([*map(int, self.shape)]))
        if not len(self.groups) == len(self.offset) == len(self.scale):
            raise ValueError("groups, offset and scale have different lengths")
        if size > _MAX_VALUES or max(max(group) for group in self.groups) >= size:
            raise ValueError(f"a group names a value beyond the {size} of the shape")
        return self


class OutputCode(_Part):
    """Spikes to values: sum over the members of each value, times gain, plus offset, then the read-out."""

    decoder: Decoder
    members: Annotated[tuple[Group, ...], Field(min_length=1, max_length=_MAX_VALUES)]
    gain: tuple[Finite, ...]
    offset: tuple[Finite, ...]
    readout: Readout
    task: Literal["classifier", "values"]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not len(self.members) == len(self.gain) == len(self.offset):
            raise ValueError("members, gain and offset have different lengths")
        return self


class IoDescription(_Part):
    """Content of ``io.json``."""

    format: Literal["anomaly-chip-io"] = FORMAT
    version: Literal[1] = VERSION
    arch: str
    bitstream_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    total_steps: Annotated[int, Field(ge=2, le=2 * _MAX_STEPS)]
    reset: Literal["before each sample"] = "before each sample"
    input: InputCode
    output: OutputCode

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.total_steps <= self.input.steps:
            raise ValueError("total_steps must be more than input.steps")
        return self

    def levels(self, samples: NDArray[Any]) -> NDArray[np.int64]:
        """Compute the whole level of each [sample, input]."""
        return np.rint(self.rates(samples) * self.input.steps).astype(np.int64)

    def rates(self, samples: NDArray[Any]) -> NDArray[np.float64]:
        """Compute the value of each [sample, input] within -1..1."""
        flat = np.asarray(samples, np.float64).reshape(len(samples), -1)
        means = np.stack([flat[:, list(group)].mean(axis=1) for group in self.input.groups], axis=1)
        return np.clip((means - self.input.offset) / self.input.scale, -1.0, 1.0)

    def spikes(self, samples: NDArray[Any]) -> NDArray[np.int8]:
        """Encode samples, [sample, ...], as input spikes, int8[step, sample, input]."""
        return encode(self.levels(samples), self.input.encoder, self.input.steps, self.total_steps)

    def values(self, outputs: NDArray[np.int8]) -> NDArray[np.float64]:
        """Decode output spikes, [step, sample, output], as values before the read-out, [sample, value]."""
        found = features(outputs, self.output.decoder)
        sums = np.stack([found[:, list(group)].sum(axis=1) for group in self.output.members], axis=1)
        return np.asarray(sums * self.output.gain + self.output.offset)

    def to_json(self) -> str:
        """Serialise as JSON text."""
        return json.dumps(self.model_dump(mode="json"), separators=(",", ":")) + "\n"


def read_io(path: Path) -> IoDescription:
    """Read ``io.json``.

    Raises:
        BitstreamError: it cannot be read, is of another version, or contradicts itself; names the key.
    """
    hint = "anomaly chip from-onnx writes it beside the bitstream"
    try:
        data = read_bytes(path)
    except Exception as error:
        raise BitstreamError(str(getattr(error, "message", error)), where=path, hint=hint) from error
    try:
        content = json.loads(data)
        if isinstance(content, dict) and content.get("version") != VERSION:
            message = f"has version {content.get('version')!r}, and {VERSION} is understood"
            raise BitstreamError(message, where=path, hint="convert the network again")
        return IoDescription.model_validate(content)
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(str(part) for part in problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        raise BitstreamError(f"{key}: {message}" if key else message, where=path, hint=hint) from error
    except (ValueError, RecursionError) as error:
        raise BitstreamError("is no JSON", where=path, hint=hint) from error
