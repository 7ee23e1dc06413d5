"""Answer to a case as JSON: its model, by which it is checked, and its schema is made."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from anomaly.config.validation_errors import plain
from anomaly.fault_families import FINDINGS
from anomaly.store.cases.operator_changes import MAX_SHELVED_S

VERSION = 1
# RFC 3339; a time without a zone would be read differently on two computers.
_TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$"
# Control characters could make a terminal or a log that shows them do something; a note may have lines and tabs.
_SHOWN, _SHOWN_LINES = r"[^\x00-\x1f\x7f-\x9f]", r"[^\x00-\x08\x0b-\x1f\x7f-\x9f]"
_VISIBLE = r"[^\s\x00-\x1f\x7f-\x9f]"
_MOST_OF_LINE, _MOST_OF_WORDS = 200, 4_000
_Line = Annotated[str, StringConstraints(max_length=_MOST_OF_LINE, pattern=f"^{_SHOWN}*$")]
_FilledLine = Annotated[
    str, StringConstraints(max_length=_MOST_OF_LINE, pattern=f"^{_SHOWN}*{_VISIBLE}{_SHOWN}*$")
]
_Words = Annotated[str, StringConstraints(max_length=_MOST_OF_WORDS, pattern=f"^{_SHOWN_LINES}*$")]
_FilledWords = Annotated[
    str,
    StringConstraints(max_length=_MOST_OF_WORDS, pattern=f"^{_SHOWN_LINES}*{_VISIBLE}{_SHOWN_LINES}*$"),
]

_PATTERN_WORDS = {
    "id": "must be 8 to 128 letters, digits and . _ ~ : -",
    "time": "must be a time of RFC 3339 with its zone, such as 2027-01-15T08:00:00Z",
    "case": "must be the identifier of a case: 8 to 32 hex digits",
    "by": "must be a name without control characters",
    "action": "must be text without control characters, and not empty",
    "note": "must be text without control characters, and not empty in a comment",
}


class InvalidAnswerError(Exception):
    """The content of an answer cannot be used; the text says what is wrong."""


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    version: Literal[1] = Field(description="of this schema")
    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._~:-]{8,128}$")] = Field(
        description="idempotency key: another one for each answer, the same one for each repetition of it"
    )
    time: Annotated[str, StringConstraints(pattern=_TIME)] = Field(
        description="now, RFC 3339 with its zone; an answer that is too old or of the future is refused"
    )
    case: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8,32}$")] = Field(
        description="identifier of the case, or its first digits"
    )
    by: _FilledLine = Field(description="person who answers")
    note: _Words = Field(default="", description="why; kept with the case")

    @property
    def unix_s(self) -> float:
        """Time of the answer in UNIX seconds.

        Raises:
            InvalidAnswerError: there is no such time.
        """
        try:
            return datetime.fromisoformat(self.time).timestamp()
        except (ValueError, OverflowError) as error:
            raise InvalidAnswerError(f"time: {error}") from error


class Acknowledgement(_Answer):
    """Somebody knows of the case; one whose sound is normal again is closed by that."""

    answer: Literal["acknowledge"]


class Shelving(_Answer):
    """Messages about the case are held back for some time."""

    answer: Literal["shelve"]
    for_s: float = Field(gt=0, le=MAX_SHELVED_S, allow_inf_nan=False, description="seconds")


class Unshelving(_Answer):
    """Messages about the case are sent again."""

    answer: Literal["unshelve"]


class Assignment(_Answer):
    """The case is in somebody's hands."""

    answer: Literal["assign"]
    to: _Line = Field(description="person or team; empty for nobody")


class Comment(_Answer):
    """Comment for the history of the case, also of a closed one."""

    answer: Literal["comment"]
    note: _FilledWords = Field(description="the comment")


class Closing(_Answer):
    """The case is closed, such as with its work order."""

    answer: Literal["close"]
    finding: Literal[tuple(FINDINGS)] | None = Field(  # type: ignore[valid-type]
        default=None, description="cause that was found"
    )
    action: _Line = Field(default="", description="what was done, such as replaced")
    rebaseline: bool = Field(default=False, description="the machine sounds different from now on")


class WorkReport(_Answer):
    """Work was done about the case, which may be closed already; it stays in its state."""

    answer: Literal["work-done"]
    action: _FilledLine = Field(description="what was done")
    finding: Literal[tuple(FINDINGS)] | None = Field(  # type: ignore[valid-type]
        default=None, description="cause that was found"
    )
    order: _Line = Field(default="", description="number of the work order")


Answer = Acknowledgement | Shelving | Unshelving | Assignment | Comment | Closing | WorkReport
_ADAPTER: TypeAdapter[Answer] = TypeAdapter(Annotated[Answer, Field(discriminator="answer")])


def parsed_answer(value: object) -> Answer:
    """Return the answer that a JSON value holds.

    Raises:
        InvalidAnswerError: it holds none; the text names each key with what is wrong.
    """
    try:
        return _ADAPTER.validate_python(value)
    except ValidationError as error:
        found = [_words(details["loc"], details["type"], details["msg"]) for details in error.errors()]
        raise InvalidAnswerError("; ".join(dict.fromkeys(found))) from error


def answer_schema() -> dict[str, Any]:
    """Return the JSON Schema of an answer."""
    return _ADAPTER.json_schema()


def _words(location: tuple[int | str, ...], kind: str, message: str) -> str:
    # The first part is the value of `answer`, by which the model was chosen.
    key = ".".join(map(str, location[1:])) or "answer"
    if kind == "missing":
        return f"{key} is missing"
    if kind == "extra_forbidden":
        return f"{key} is no key of such an answer"
    if kind in ("union_tag_not_found", "model_attributes_type"):
        return "must be an object whose key answer says what to do"
    if kind == "union_tag_invalid":
        return f"answer: must be one of {message.rpartition('tags: ')[2]}"
    if kind == "string_pattern_mismatch":
        return f"{key}: {_PATTERN_WORDS.get(key, 'must be text without control characters')}"
    return f"{key}: {plain(message)}"
