"""Base of all sections of a site file, and errors of sections that are validated apart."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator


class ConfigSection(BaseModel):
    """Section of the file: unknown keys are errors, and nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _drop_empty_keys(cls, value: Any) -> Any:
        """Give a known key with nothing after it, such as ``sinks:`` above a commented list, its default."""
        if not isinstance(value, dict):
            return value
        return {key: item for key, item in value.items() if item is not None or key not in cls.model_fields}


class NestedError(NamedTuple):
    """Error inside a section: its place below the section, text or errors of a model, and that model."""

    key: tuple[str | int, ...]
    error: str | ValidationError
    model: type[BaseModel] | None


class SectionError(ValueError):
    """Errors of a section whose parts are validated by models that are known only at run time.

    pydantic passes the exception on in the context of its own error, so that the places are not lost.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: list[NestedError] = []

    def add(
        self, key: tuple[str | int, ...], error: str | ValidationError, model: type[BaseModel] | None = None
    ) -> None:
        """Add an error at a place below the section."""
        self.found.append(NestedError(key, error, model))

    def raise_if_any(self) -> None:
        """Raise this exception if errors were added."""
        if self.found:
            raise self

    def __str__(self) -> str:
        return "; ".join(f"{'.'.join(map(str, found.key))}: {found.error}" for found in self.found)
