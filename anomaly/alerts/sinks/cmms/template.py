"""Templates of requests: texts with ``${name}`` in them, filled from a fixed set of names; nothing else is evaluated.

There are no expressions, no attributes and no files: a template can say no more than what the message holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote

from pydantic import AfterValidator, Field, model_validator

from anomaly.config import Text
from anomaly.config.section import ConfigSection

_PLACE = re.compile(r"\$\{(\w+)(\|int)?\}")
_PLAIN_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def _path(text: str) -> str:
    if (
        not text.startswith("/")
        or text.startswith("//")
        or any(not c.isprintable() or c == " " for c in text)
    ):
        raise ValueError("must be a path that begins with one /, without blanks")
    return text


class RequestTemplate(ConfigSection):
    """One request: method, path below the address, headers and body; ``${name}`` is filled in."""

    method: Literal["GET", "POST", "PUT", "PATCH"] = Field(description="of HTTP")
    path: Annotated[Text, AfterValidator(_path)] = Field(description="below the address, with its query")
    headers: dict[str, str] = Field(default_factory=dict, description="beside those of the account")
    body: dict[str, Any] | None = Field(
        default=None, description="JSON; a key whose text is empty is left out"
    )
    id: Text | None = Field(
        default=None, description="where the answer holds the work order's number, such as result.sys_id"
    )

    @model_validator(mode="after")
    def _plain_headers(self) -> Self:
        for name in self.headers:
            if not _PLAIN_HEADER.fullmatch(name):
                raise ValueError(f"{name!r} is no name of a header")
        return self

    def names(self) -> Iterator[str]:
        """Yield the names that the templates use."""
        for text in _texts([self.path, self.headers, self.body]):
            for name, _ in _PLACE.findall(text):
                if not name.isdigit():
                    yield name


class LookupTemplate(RequestTemplate):
    """Request that finds the work order of a case."""

    items: Text = Field(description="where the answer holds the list of work orders, such as result")
    key: Text = Field(description="where a work order holds what names the case, such as correlation_id")
    contains: Text = Field(default="${mark}", description="the text that must stand there")
    id: Text = Field(description="where a work order holds its number, such as sys_id")

    def names(self) -> Iterator[str]:
        """Yield the names that the templates use."""
        yield from super().names()
        yield from (name for name, _ in _PLACE.findall(self.contains))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def filled_text(text: str, values: Mapping[str, str]) -> str:
    """Return a text with its names filled in."""
    return _PLACE.sub(lambda match: _value(match[1], values), text)


def filled_path(text: str, values: Mapping[str, str]) -> str:
    """Return a path with its names filled in; no value can end the part of the path that it stands in."""
    return _PLACE.sub(lambda match: quote(_value(match[1], values), safe=""), text)


def filled_header(text: str, values: Mapping[str, str]) -> str:
    """Return the value of a header with its names filled in; nothing can end its line."""
    return "".join(c if " " <= c <= "~" else "_" for c in filled_text(text, values))


def filled_body(value: Any, values: Mapping[str, str]) -> Any:
    """Return a body with its names filled in; keys and items whose text is empty are left out.

    A text that is one name with ``|int`` becomes a number, or is left out if its value is none.
    """
    if isinstance(value, str):
        whole = _PLACE.fullmatch(value)
        if whole is None or whole[2] is None:
            return filled_text(value, values) or None
        number = _value(whole[1], values)
        return int(number) if re.fullmatch(r"-?\d{1,18}", number) else None
    if isinstance(value, Mapping):
        found = {key: filled_body(item, values) for key, item in value.items()}
        return {key: item for key, item in found.items() if item is not None} or None
    if isinstance(value, list | tuple):
        items = [filled_body(item, values) for item in value]
        return [item for item in items if item is not None] or None
    return value


def _value(name: str, values: Mapping[str, str]) -> str:
    return name if name.isdigit() else values[name]


class UnexpectedAnswerError(Exception):
    """An answer has not the form that the template names."""


def found_at(answer: Any, path: str) -> Any:
    """Return what an answer holds at a place such as ``result.0.sys_id``; ``.`` is the answer itself.

    Raises:
        UnexpectedAnswerError: it has no such place.
    """
    for step in path.split(".") if path != "." else ():
        try:
            answer = answer[int(step)] if isinstance(answer, list) else answer[step]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise UnexpectedAnswerError(f"the answer has no {path}") from error
    return answer
