"""Cases, their history, their clips, and what people do about them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from anomaly.fault_families import FINDINGS
from anomaly.store.cases.operator_changes import MAX_SHELVED_S
from anomaly.web.api.schemas.base import Answered, MachineName, Note, Sent, Short


class CaseQuery(Sent):
    """Cases of a machine, or in a state; and the page of them."""

    machine: MachineName | None = None
    state: Literal["open", "closed", ""] | None = None
    kind: Literal["machine", "sensor"] | None = None
    page: Annotated[str, Field(max_length=400)] | None = Field(
        default=None, description="`next` of the page before"
    )
    limit: Annotated[int, Field(ge=1, le=500)] = 50


class CaseFacts(Answered):
    """One case."""

    id: str
    machine: str
    display_name: str | None
    kind: str
    state: str
    opened_at: str
    summary: str
    severity: int
    urgency: int
    peak_score: float | None
    min_p_value: float | None
    acknowledged_at: str | None
    acknowledged_by: str | None
    returned_at: str | None
    closed_at: str | None
    silenced_until: str | None
    assigned_to: str | None
    finding: str | None
    action: str | None
    asset: dict[str, Any]


class CasePage(Answered):
    """Cases, the newest first, and the page that follows."""

    items: list[CaseFacts]
    next: str | None


class Suspect(Answered):
    """Part of the spectrum that has changed."""

    low_hz: float
    high_hz: float
    deviation: float = Field(description="standard deviations of normal sound")
    change_db: float | None


class Why(Answered):
    """Reasons of a case: text, parts of the spectrum, causes where the diagnosis has them, and what to do."""

    text: str
    suspects: list[Suspect]
    causes: list[dict[str, Any]]
    evidence: dict[str, Any]


class HistoryEvent(Answered):
    """Entry in the history of a case."""

    time: str
    event: str
    by: str | None
    note: str | None
    detail: dict[str, Any]


class ClipEntry(Answered):
    """Clip of sound of a case."""

    id: str
    case: str
    machine: str
    begin: str
    seconds: float
    content: str
    bytes: int
    removed: bool


class ClipList(Answered):
    """Clips of a case, the newest first, and the nearest in time of the machine that was normal."""

    clips: list[ClipEntry]
    normal: ClipEntry | None


class CaseDetail(CaseFacts):
    """One case with its reasons, history and clips."""

    why: Why
    history: list[HistoryEvent]
    clips: list[ClipEntry]


class NoteBody(Sent):
    """Action with a note."""

    note: Note = ""


class CommentBody(Sent):
    """CommentBody on a case."""

    text: Annotated[str, Field(min_length=1, max_length=4_000, pattern=r"^[^\x00]*$")]


class ShelvingBody(NoteBody):
    """Messages about the case are held back for some seconds."""

    for_s: Annotated[float, Field(gt=0, le=MAX_SHELVED_S, allow_inf_nan=False)]


class AssignmentBody(NoteBody):
    """Person or team that sees to the case; empty for nobody."""

    to: Short


class ClosingBody(NoteBody):
    """End of the case, with the cause that was found and what was done."""

    finding: Annotated[str, Field(json_schema_extra={"enum": list(FINDINGS)})] | None = None
    action: Note = ""
    rebaseline: bool = False


class NormalResult(Answered):
    """Result of "this was normal": the case is closed, and its sound counts as normal from then on."""

    case: str
    state: str
    calibration: int | None
    seconds: int
    text: str
