"""Conversion of pydantic's errors to messages about the file: line, key, and the likely intention."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from anomaly.config.section import SectionError
from anomaly.errors import ConfigError
from anomaly.strict_yaml import Key, Lines

_MISSING = " is missing"
_WORDS = {
    "Input is not a valid path for <class 'pathlib.Path'>": "must be a path",
    "Input should": "must",
    "String should": "must",
    "Value error, ": "",
    "a valid tuple": "a list",
    "a valid dictionary": "a mapping of keys to values",
    "a valid integer, unable to parse string as an integer": "a whole number",
    "a valid number, unable to parse string as a number": "a number",
    "a valid boolean, unable to interpret input": "true or false",
}


def explained(error: ValidationError, model: type[BaseModel], path: Path, lines: Lines) -> ConfigError:
    """Convert all errors of a file to one: the first in the file leads, the hint lists the others."""
    found: dict[Key, list[str]] = {}
    for key, words in _messages(error, model, (), lines):
        if words not in found.setdefault(key, []):
            found[key].append(words)
    faults = sorted(
        (lines.get(key, 1), ".".join(map(str, key)), _joined(words)) for key, words in found.items()
    )
    line, name, words = faults[0]
    others = [f"also line {n}: {k}: {w}" for n, k, w in faults[1:]]
    return ConfigError(
        words, where=f"{path}:{line}: {name}" if name else f"{path}:{line}", hint="\n  ".join(others) or None
    )


def plain(message: str) -> str:
    """Return a message of pydantic in the words of the messages here."""
    for theirs, ours in _WORDS.items():
        message = message.replace(theirs, ours)
    return re.sub(r" or instance of \w+", "", message)


def _messages(
    error: ValidationError, model: type[BaseModel], prefix: Key, lines: Lines
) -> Iterator[tuple[Key, str]]:
    """Yield place and text of each error of a model that begins at ``prefix`` in the file."""
    for details in error.errors():
        context = details.get("ctx", {})
        nested = context.get("error")
        if isinstance(nested, SectionError):
            for below, inner, inner_model in nested.found:
                place = (*prefix, *details["loc"], *below)
                if isinstance(inner, str):
                    yield _key(place, lines), inner
                elif inner_model is not None:
                    yield from _messages(inner, inner_model, place, lines)
            continue
        key = _key((*prefix, *details["loc"], *context.get("key", ())), lines)
        yield key, _words(details, model, key[len(prefix) :])


def _key(location: tuple[int | str, ...], lines: Lines) -> Key:
    """Return the longest part of a location that exists in the file; pydantic adds names of types to it."""
    end = len(location)
    while end and location[:end] not in lines:
        end -= 1
    return location[:end]


def _words(details: ErrorDetails, model: type[BaseModel], key: Key) -> str:
    kind = details["type"]
    if kind == "extra_forbidden":
        known = _keys_at(model, key[:-1])
        near = difflib.get_close_matches(str(key[-1]), known, 1)
        meant = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
        return f"unknown key ({meant})"
    if kind == "missing":
        return f"{details['loc'][-1]}{_MISSING}"
    return plain(details["msg"])


def _joined(words: list[str]) -> str:
    """Join the messages about one place: keys that are missing, or alternatives such as a word or a number."""
    if all(word.endswith(_MISSING) for word in words):
        return ", ".join(words)
    first, *others = words
    return " or ".join([first, *(word.removeprefix("must be ") for word in others)])


def _keys_at(model: type[BaseModel], key: Key) -> list[str]:
    """Return the keys that are allowed at a place: follow the types of the model along the key."""
    kind: Any = model
    for part in key:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            kind = kind.model_fields[str(part)].annotation
        else:
            arguments = get_args(kind)
            kind = arguments[1] if get_origin(kind) is dict else arguments[0]
        if get_origin(kind) is UnionType:  # a section that may be missing
            kind = get_args(kind)[0]
    return sorted(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else []
