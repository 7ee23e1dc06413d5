"""Chip specifications: limits, timing and energy, each parameter with unit, provenance and source."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from chip.errors import SpecError
from chip.yaml_lines import Document, parse

__all__ = ["ArchSpec", "Parameter", "Provenance", "load_arch", "validated"]

Provenance = Literal["published", "derived", "assumed"]
T = TypeVar("T")
Model = TypeVar("Model", bound=BaseModel)
Count = Annotated[int, Field(ge=1, le=1 << 20)]
Few = Annotated[int, Field(ge=1, le=1 << 12)]
Bits = Annotated[int, Field(ge=2, le=24)]
Shift = Annotated[int, Field(ge=0, le=30)]
Shifts = Annotated[tuple[Shift, ...], Field(min_length=1, max_length=31)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


# Sixteen times the largest member of the family, so that placement and bitstream fit into memory.
_MAX_CELLS, _MAX_TRACKS = 1 << 16, 1 << 22


class _SpecPart(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Parameter(_SpecPart, Generic[T]):
    """One number of a specification and its provenance.

    Args:
        value: in ``unit``.
        unit: physical unit, or the counted thing.
        provenance: published by the makers, derived from published figures by arithmetic, or assumed here.
        source: the publication, the arithmetic, or the reason of the assumption.
    """

    value: T
    unit: str = Field(min_length=1)
    provenance: Provenance
    source: str = Field(min_length=1)


class Array(_SpecPart):
    """Numbers of cells, synapses and pads."""

    neurons: Parameter[Count]
    synapses: Parameter[Count]
    rows: Parameter[Count]
    columns: Parameter[Count]
    inputs: Parameter[Count]
    outputs: Parameter[Count]


class Neuron(_SpecPart):
    """Programmable ranges of one cell."""

    fan_in: Parameter[Few]
    weight_bits: Parameter[Bits]
    threshold_bits: Parameter[Bits]
    feedback_bits: Parameter[Bits]
    membrane_bits: Parameter[Bits]
    decay_shifts: Parameter[Shifts]
    negative_output: Parameter[bool]
    recurrence: Parameter[bool]


class RoutingSpec(_SpecPart):
    """Switched wires between the cells."""

    nets_per_channel: Parameter[Few]
    wires_per_net: Parameter[Few]
    switch_box: Parameter[Literal["crossbar"]]
    connection_box: Parameter[Literal["crossbar"]]
    fan_out_load: Parameter[Count]


class Timing(_SpecPart):
    """Clock, latency, and the step rates between which the chip works."""

    clock_hz: Parameter[Positive]
    latency_s: Parameter[Positive]
    cycles_per_step: Parameter[Count]
    min_step_hz: Parameter[NotNegative]


class EnergySpec(_SpecPart):
    """Published operating point that every calibration must reproduce."""

    power_w: Parameter[Positive]
    sop_j: Parameter[Positive]


class Analogue(_SpecPart):
    """Deviation of the analogue circuits from exact integers."""

    weight_sigma: Parameter[NotNegative]


class ArchSpec(_SpecPart):
    """One member of the chip family."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    title: str = Field(min_length=1)
    array: Array
    neuron: Neuron
    routing: RoutingSpec
    timing: Timing
    energy: EnergySpec
    analogue: Analogue

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        cells = self.array.rows.value * self.array.columns.value
        if cells > _MAX_CELLS:
            raise ValueError(f"array.rows: rows x columns = {cells} cells are more than {_MAX_CELLS}")
        tracks = 2 * cells * self.routing.nets_per_channel.value
        if tracks > _MAX_TRACKS:
            raise ValueError(f"routing.nets_per_channel: {tracks} tracks in all are more than {_MAX_TRACKS}")
        if cells * self.neuron.fan_in.value > _MAX_TRACKS:
            raise ValueError(f"neuron.fan_in: times {cells} cells it is more than {_MAX_TRACKS} synapses")
        for name in ("inputs", "outputs"):
            if (pads := getattr(self.array, name).value) > _MAX_CELLS:
                raise ValueError(f"array.{name}: {pads} pads are more than {_MAX_CELLS}")
        if self.array.neurons.value > cells:
            raise ValueError(f"array.neurons: {self.array.neurons.value} do not fit into {cells} cells")
        slots = self.array.neurons.value * self.neuron.fan_in.value
        if self.array.synapses.value > slots:
            raise ValueError(f"array.synapses: {self.array.synapses.value} exceed neurons x fan_in = {slots}")
        if 0 not in self.neuron.decay_shifts.value:
            raise ValueError("neuron.decay_shifts: must contain 0, no leak")
        return self

    @property
    def weight_max(self) -> int:
        """Largest weight; one bit is the sign."""
        return int(2 ** (self.neuron.weight_bits.value - 1) - 1)

    @property
    def threshold_max(self) -> int:
        """Largest threshold of either sign."""
        return int(2**self.neuron.threshold_bits.value - 1)

    @property
    def feedback_max(self) -> int:
        """Largest feedback weight."""
        return int(2**self.neuron.feedback_bits.value - 1)

    @property
    def v_sat(self) -> int:
        """Largest membrane; one bit is the sign."""
        return int(2 ** (self.neuron.membrane_bits.value - 1) - 1)

    @property
    def step_s(self) -> float:
        """Shortest time a step takes, in seconds."""
        return self.timing.cycles_per_step.value / self.timing.clock_hz.value

    def parameters(self) -> Iterator[tuple[str, Parameter[Any]]]:
        """Yield every parameter with its dotted key, in the order of the file."""
        for group_name in type(self).model_fields:
            group = getattr(self, group_name)
            if isinstance(group, _SpecPart):
                for name in type(group).model_fields:
                    yield f"{group_name}.{name}", getattr(group, name)

    def fingerprint(self) -> bytes:
        """SHA-256 of the values that decide what a bitstream means; energies and sources do not."""
        values = {
            key: parameter.value
            for key, parameter in self.parameters()
            if key.split(".")[0] in ("array", "neuron", "routing")
        }
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).digest()


def load_arch(name_or_path: str | Path) -> ArchSpec:
    """Load a member of the family by name (``"senna"``), or any specification by its path.

    Raises:
        SpecError: no such specification, or it is malformed; names the file, line and key.
    """
    if isinstance(name_or_path, str) and name_or_path in (known := _shipped()):
        return validated(ArchSpec, parse(known[name_or_path], name_or_path), name_or_path)
    path = Path(name_or_path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        known_names = ", ".join(sorted(_shipped()))
        hint = f"give the path of a YAML file or one of: {known_names}"
        reason = (error.strerror or error) if isinstance(error, OSError) else "is not text in UTF-8"
        message = f"cannot be read as a chip specification: {reason}"
        raise SpecError(message, where=path, hint=hint) from error
    return validated(ArchSpec, parse(text, str(path)), str(path))


def _shipped() -> dict[str, str]:
    folder = resources.files("chip") / "specs"
    files = [item for item in folder.iterdir() if item.name.endswith(".yaml")]
    return {item.name.removesuffix(".yaml"): item.read_text(encoding="utf-8") for item in files}


def validated(model: type[Model], document: Document, where: str) -> Model:
    """Validate the content of a YAML document as ``model``.

    Raises:
        SpecError: it does not match the model; names the file, line and key.
    """
    if not isinstance(document.content, dict):
        keys = " and ".join(f"{name}:" for name in list(model.model_fields)[:2])
        raise SpecError(f"must hold keys such as {keys}", where=f"{where}:1")
    try:
        return model.model_validate(document.content)
    except ValidationError as error:
        problem = error.errors()[0]
        path = tuple(problem["loc"])
        message = problem["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
        if not path and ":" in message:
            key, message = message.split(": ", 1)
            path = tuple(key.split("."))
        key = ".".join(str(part) for part in path)
        more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
        place = f"{where}:{document.line(path)}"
        raise SpecError(f"{key}: {message}{more}" if key else message, where=place) from error
