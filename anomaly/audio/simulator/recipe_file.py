"""Reading a recipe from YAML: what is wrong is told with file, line and key."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import yaml
from pydantic import ValidationError

from anomaly.audio.simulator.recipe import Recipe
from anomaly.errors import ConfigError, UsageError

_PACKAGE = "anomaly.audio.simulator"
_LARGEST_BYTES = 1_000_000


def recipe_names() -> list[str]:
    """The machines that come with the program, sorted."""
    folder = resources.files(_PACKAGE) / "recipes"
    return sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))


def load_recipe(machine: str | Path) -> Recipe:
    """A recipe by the name of a shipped machine, or from a YAML file given as a path.

    Raises:
        UsageError: no machine of that name is shipped.
        ConfigError: the file cannot be read, or says something that a recipe cannot say.
    """
    if isinstance(machine, str):
        if machine not in recipe_names():
            raise UsageError(
                f"there is no simulated machine {machine!r}",
                hint=f"machines: {', '.join(recipe_names())}; or --recipe",
            )
        folder = resources.files(_PACKAGE) / "recipes"
        return parse_recipe((folder / f"{machine}.yaml").read_text(encoding="utf-8"), f"{machine}.yaml")
    try:
        with machine.open("rb") as file:
            text = file.read(_LARGEST_BYTES + 1)
        if len(text) > _LARGEST_BYTES:
            raise ConfigError("is too large for a recipe", where=machine)
        return parse_recipe(text.decode("utf-8"), str(machine))
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=machine) from error
    except UnicodeDecodeError as error:
        raise ConfigError("is not text in UTF-8", where=machine) from error


def parse_recipe(text: str, file: str) -> Recipe:
    """Check a recipe's text.

    Plain scalars are taken as strings and converted by the model: YAML alone reads ``1:30`` as 90 and
    ``off`` as false.

    Raises:
        ConfigError: names ``file``, the line and the key.
    """
    try:
        _refuse_aliases(text, file)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        _refuse_doubles(node, file)
        data = yaml.load(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "cannot be read"
        raise ConfigError(
            f"is not YAML: {problem}", where=f"{file}:{mark.line + 1}" if mark is not None else file
        ) from error
    except RecursionError as error:
        raise ConfigError("is nested too deeply for a recipe", where=file) from error
    if not isinstance(data, dict):
        raise ConfigError("is no recipe: it must hold keys and values", where=file)
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        raise _explained(error, node, file) from error


def _explained(error: ValidationError, node: yaml.Node | None, file: str) -> ConfigError:
    first = error.errors()[0]
    line, keys = _find(node, first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = "is no key of a recipe here"
    others = error.error_count() - 1
    return ConfigError(
        f"{keys}: {message}" if keys else message,
        where=f"{file}:{line}",
        hint=f"{others} more like this in the file" if others else "docs/simulator.md describes every key",
    )


def _find(node: yaml.Node | None, where: Sequence[int | str]) -> tuple[int, str]:
    """Line and dotted name of a place that pydantic names; it also names kinds, which are no keys."""
    line = 1
    keys: list[str] = []
    for position, part in enumerate(where):
        child: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    line, child = key.start_mark.line + 1, value
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            child = node.value[part]
            line = child.start_mark.line + 1
        if child is not None:
            node = child
        if child is not None or position == len(where) - 1:
            keys.append(str(part))
    return line, ".".join(keys)


def _refuse_aliases(text: str, file: str) -> None:
    # A short file of aliases to aliases can stand for gigabytes.
    for token in yaml.scan(text):
        if isinstance(token, yaml.AliasToken | yaml.AnchorToken):
            raise ConfigError(
                "a recipe has no anchors and aliases", where=f"{file}:{token.start_mark.line + 1}"
            )


def _refuse_doubles(node: yaml.Node | None, file: str) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise ConfigError(
                    f"{key.value}: stands here twice", where=f"{file}:{key.start_mark.line + 1}"
                )
            seen.add(str(key.value))
            _refuse_doubles(value, file)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_doubles(value, file)
