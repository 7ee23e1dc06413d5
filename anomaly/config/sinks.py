"""Section ``sinks:`` of a site file: a list of sinks for each kind that is installed.

The keys of a kind are those of its model, which its package brings: a kind is imported only when a file uses it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol, Self, runtime_checkable

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    RootModel,
    SerializeAsAny,
    ValidationError,
    ValidationInfo,
    create_model,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError

from anomaly.config.delivery import DeliverySettings
from anomaly.config.fields import Name
from anomaly.config.section import ConfigSection, SectionError
from anomaly.errors import ConfigError
from anomaly.sink_kinds import load_sink_kind, sink_kind_names


class SinkConfig(ConfigSection):
    """Base of the model of a kind: what all sinks have in common."""

    name: Name = Field(description="identity of the sink; a new name is a new sink")
    delivery: DeliverySettings = Field(
        default_factory=DeliverySettings, description="when and how messages are sent"
    )


@runtime_checkable
class SinkDeclaration(Protocol):
    """Part of a kind of sink that this section needs; ``SinkKind`` of the alerts has more."""

    @property
    def description(self) -> str:
        """Short description of the sinks of this kind."""

    @property
    def config(self) -> type[SinkConfig]:
        """Model of one sink in the site file."""


class SinkEntry(NamedTuple):
    """One sink of the file: its kind, its number in the list of its kind, from 0, and its settings."""

    kind: str
    number: int
    config: SinkConfig


def _without_sinks() -> dict[str, tuple[SinkConfig, ...]]:
    return dict.fromkeys(sink_kind_names(), ())


class Sinks(RootModel[dict[str, tuple[SerializeAsAny[SinkConfig], ...]]]):
    """Destinations of alerts."""

    model_config = ConfigDict(frozen=True)
    root: dict[str, tuple[SerializeAsAny[SinkConfig], ...]] = Field(default_factory=_without_sinks)

    def __iter__(self) -> Iterator[SinkEntry]:  # type: ignore[override]  # pydantic's yields fields
        """Yield all sinks, kind by kind, in the order of the file."""
        for kind, sinks in self.root.items():
            for number, config in enumerate(sinks):
                yield SinkEntry(kind, number, config)

    @property
    def names(self) -> list[str]:
        """Names of all sinks."""
        return [entry.config.name for entry in self]

    @model_validator(mode="before")
    @classmethod
    def _of_installed_kinds(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, Mapping):
            return value
        errors = SectionError()
        names = sink_kind_names()
        found = _without_sinks()
        for kind, items in value.items():
            if kind not in names:
                errors.add((kind,), _unknown(kind, names))
            elif isinstance(items, list | tuple):
                found[kind] = _validated(kind, items, info.context, errors)
            elif items is not None:
                errors.add((kind,), "must be a list")
        errors.raise_if_any()
        return found

    @model_validator(mode="after")
    def _different_names(self) -> Self:
        met: dict[str, str] = {}
        for kind, number, sink in self:
            here = f"{kind}.{number}"
            if (other := met.setdefault(sink.name, here)) != here:
                words = "two sinks have the name {name}: {other} and this one"
                place = {"key": (kind, number, "name"), "name": repr(sink.name), "other": other}
                raise PydanticCustomError("twice", words, place)
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Return the JSON Schema with a property for each kind that is installed."""
        fields: dict[str, Any] = {}
        for kind in sink_kind_names():
            declared = sink_declaration(kind)
            field = Field(default=(), description=declared.description)
            fields[kind] = (tuple[declared.config, ...], field)  # type: ignore[name-defined]
        model: type[BaseModel] = create_model("Sinks", __base__=ConfigSection, __doc__=cls.__doc__, **fields)
        # Kinds that share a model would give the section a second name.
        return handler.resolve_ref_schema(handler(model.__pydantic_core_schema__))


def sink_declaration(kind: str) -> SinkDeclaration:
    """Load the declaration of a kind.

    Raises:
        ConfigError: the kind is unknown, or what its package declares is of another type.
    """
    declared = load_sink_kind(kind)
    model = getattr(declared, "config", None)
    if not isinstance(declared, SinkDeclaration) or not (
        isinstance(model, type) and issubclass(model, SinkConfig)
    ):
        raise ConfigError(
            f"the kind of sink {kind!r} is not a SinkKind with a model derived from SinkConfig",
            where=f"{type(declared).__module__}.{type(declared).__qualname__}",
        )
    return declared


def _validated(kind: str, items: Any, context: Any, errors: SectionError) -> tuple[SinkConfig, ...]:
    """Validate the sinks of one kind; add what is wrong to ``errors``."""
    found = []
    for number, item in enumerate(items):
        try:
            model = sink_declaration(kind).config
            found.append(model.model_validate(item, context=context))
        except ConfigError as error:
            errors.add((kind,), str(error))
            break
        except ValidationError as error:
            errors.add((kind, number), error, model)
    return tuple(found)


def _unknown(kind: str, names: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(kind, names, 1)
    meant = f"did you mean {near[0]}? " if near else ""
    return f"unknown kind of sink ({meant}known: {', '.join(sorted(names))})"
