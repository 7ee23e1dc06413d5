"""Facts of cases for the pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anomaly.store.cases.case import Case, iso_utc, json_value
from anomaly.store.database.rows import ClipRow, EventRow
from anomaly.web.api.schemas.case import ClipEntry, HistoryEvent, Suspect, Why

_HIDDEN = ("evidence", "sound_position_s")


def case_fields(case: Case) -> dict[str, Any]:
    """Return the fields of a case as JSON types, with the name that people know its machine by."""
    fields = {key: value for key, value in case.to_dict().items() if key not in _HIDDEN}
    return fields | {"display_name": case.asset.get("display_name")}


def why(case: Case) -> Why:
    """Return the reasons of a case."""
    evidence = json_value(case.evidence)
    found = evidence.get("suspects")
    suspects = [_suspect(one) for one in found if _is_band(one)] if isinstance(found, list) else []
    causes = evidence.get("causes")
    kept = {key: value for key, value in evidence.items() if key not in ("suspects", "causes")}
    return Why(
        text=case.summary,
        suspects=suspects,
        causes=[one for one in causes if isinstance(one, dict)] if isinstance(causes, list) else [],
        evidence=kept,
    )


def history_event(event: EventRow) -> HistoryEvent:
    """Return an entry of the history."""
    detail = json_value(event.detail)
    by, note = detail.get("by"), detail.get("note")
    return HistoryEvent(
        time=event.time,
        event=event.event,
        by=None if by is None else str(by),
        note=None if note is None else str(note),
        detail=detail,
    )


def clip_facts(row: ClipRow) -> ClipEntry:
    """Return the facts of a clip."""
    return ClipEntry(
        id=row.id,
        case=row.case_id,
        machine=row.machine,
        begin=iso_utc(row.begin_s),
        seconds=row.seconds,
        content=row.content,
        bytes=row.bytes,
        removed=row.removed_s is not None,
    )


def _is_band(one: object) -> bool:
    keys = ("low_hz", "high_hz", "deviation")
    return isinstance(one, Mapping) and all(isinstance(one.get(key), int | float) for key in keys)


def _suspect(one: Mapping[str, Any]) -> Suspect:
    change = one.get("change_db")
    return Suspect(
        low_hz=one["low_hz"],
        high_hz=one["high_hz"],
        deviation=one["deviation"],
        change_db=float(change) if isinstance(change, int | float) else None,
    )
