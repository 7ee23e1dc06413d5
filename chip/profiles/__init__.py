"""Profiles of other neuromorphic chips as far as they are published: limits and energies, each with its source."""

from __future__ import annotations

from importlib import resources
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from chip.arch import Parameter, validated
from chip.yaml_lines import parse

__all__ = ["ChipLimits", "ChipProfile", "Energies", "load_profiles"]

Count = Annotated[int, Field(ge=1)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _ProfilePart(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ChipLimits(_ProfilePart):
    """Published limits of one chip; None where nothing is published."""

    neurons: Parameter[Count] | None = None
    inputs: Parameter[Count] | None = None
    outputs: Parameter[Count] | None = None
    synapses: Parameter[Count] | None = None
    fan_in: Parameter[Count] | None = None
    fan_out: Parameter[Count] | None = None
    weight_bits: Parameter[Count] | None = None
    weight_values: Parameter[Count] | None = None


class Energies(_ProfilePart):
    """Published energies; operations and neuron updates add up where both are given."""

    sop_j: Parameter[Amount] | None = None
    update_min_j: Parameter[Amount] | None = None
    update_max_j: Parameter[Amount] | None = None
    neuron_w: Parameter[Amount] | None = None
    covers: str = Field(min_length=1)


class ChipProfile(_ProfilePart):
    """One chip as far as it is published.

    Args:
        name: short.
        title: maker and technology.
        limits: of one chip.
        energy: published figures; ``covers`` states what they include and leave out.
        facts: further published properties, each with its source.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    title: str = Field(min_length=1)
    limits: ChipLimits
    energy: Energies
    facts: dict[str, Parameter[str]] = Field(default_factory=dict)

    def parameters(self) -> dict[str, Parameter[Any]]:
        """Return every figure by its dotted key."""
        parts: tuple[tuple[str, BaseModel], ...] = (("limits", self.limits), ("energy", self.energy))
        found = {
            f"{group}.{name}": value
            for group, part in parts
            for name in type(part).model_fields
            if isinstance(value := getattr(part, name), Parameter)
        }
        return found | {f"facts.{name}": fact for name, fact in self.facts.items()}


def load_profiles() -> list[ChipProfile]:
    """Load the profiles that come with the program, sorted by name.

    Raises:
        SpecError: one is malformed; names the file, line and key.
    """
    files = sorted((resources.files("chip") / "profiles").iterdir(), key=lambda item: item.name)
    texts = [(item.name, item.read_text(encoding="utf-8")) for item in files if item.name.endswith(".yaml")]
    return [validated(ChipProfile, parse(text, name), name) for name, text in texts]
