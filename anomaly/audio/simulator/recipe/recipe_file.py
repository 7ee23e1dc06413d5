"""Recipes read from YAML; errors name the file, the line and the key."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from anomaly.audio.simulator.recipe.model import Recipe
from anomaly.errors import ConfigError, UsageError
from anomaly.strict_yaml import Key, Lines, load

_SHIPPED = Path(__file__).resolve().parents[1] / "recipes"


def recipe_names() -> list[str]:
    """Return the names of the machines that come with the program, sorted."""
    return sorted(file.stem for file in _SHIPPED.glob("*.yaml"))


def load_recipe(machine: str | Path) -> Recipe:
    """Load a recipe by the name of a shipped machine, or from a YAML file given as a path.

    Plain values reach the recipe as strings and are converted by it: YAML alone reads ``off`` as false.

    Raises:
        UsageError: no machine of that name is shipped.
        ConfigError: the file cannot be read, or holds an invalid key or value.
    """
    if isinstance(machine, str) and machine not in recipe_names():
        raise UsageError(
            f"there is no simulated machine {machine!r}",
            hint=f"machines: {', '.join(recipe_names())}; or a recipe of your own with --recipe FILE.yaml",
        )
    return _read(machine) if isinstance(machine, Path) else _shipped(machine)


@lru_cache
def _shipped(machine: str) -> Recipe:
    return _read(_SHIPPED / f"{machine}.yaml")


def _read(path: Path) -> Recipe:
    value, lines = load(path)
    if not isinstance(value, dict):
        raise ConfigError("must hold keys such as machine: and sources:", where=f"{path}:1")
    try:
        return Recipe.model_validate(value)
    except ValidationError as error:
        raise _explained(error, path, lines) from error


def _explained(error: ValidationError, path: Path, lines: Lines) -> ConfigError:
    found = [(_key(details, lines), details) for details in error.errors()]
    # A list whose only item has an error is not reported as too short as well.
    inner = {key[:end] for key, _ in found for end in range(len(key))}
    messages = sorted(
        (lines.get(k, 1), _message(k, d)) for k, d in found if d["type"] != "too_short" or k not in inner
    )
    (line, message), others = messages[0], messages[1:6]
    hint = "\n  ".join(f"also line {number}: {other}" for number, other in others)
    return ConfigError(message, where=f"{path}:{line}", hint=hint or "docs/simulator.md describes every key")


def _message(key: Key, details: ErrorDetails) -> str:
    name = ".".join(map(str, key))
    if details["type"] == "extra_forbidden":
        return f"{name}: unknown key"
    if details["type"] == "missing":
        return f"{name}: {details['loc'][-1]} is missing" if name else f"{details['loc'][-1]} is missing"
    text = details["msg"].removeprefix("Value error, ").replace("Input should", "must")
    return f"{name}: {text}" if name else text


def _key(details: ErrorDetails, lines: Lines) -> Key:
    """Return the part of a location that is a key of the file: pydantic also names the kind of a source."""
    key: Key = ()
    for part in (*details["loc"], *details.get("ctx", {}).get("place", ())):
        if (*key, part) in lines:
            key = (*key, part)
    return key
