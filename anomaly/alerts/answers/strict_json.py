"""JSON from outside: bounded in size and depth, without duplicate keys and without numbers that are none."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

LARGEST_BYTES = 16 << 10
"""An answer with its longest texts has fewer."""
DEEPEST = 4
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


class MalformedJsonError(Exception):
    """A text is no JSON, or none that is read here; the text says why."""


def parsed_json(body: bytes) -> Any:
    """Return the value of a text in UTF-8.

    Raises:
        MalformedJsonError: it is no JSON, nested too deeply, holds a key twice, or NaN.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedJsonError("the body is not in UTF-8") from error
    if _depth(_TEXT.sub("", text)) > DEEPEST:
        raise MalformedJsonError(f"the body is nested more than {DEEPEST} levels deep")
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedJsonError(f"the body is no JSON: {error}") from error


def _depth(text: str) -> int:
    deepest = depth = 0
    for character in text:
        if character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
