"""Operations: cases and what people do about them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from anomaly.monitor.offline.calibrated_detector import load_calibrated_detector
from anomaly.monitor.offline.feedback import record_feedback
from anomaly.monitor.offline.stop_feedback import confirm_stop, is_unlearned_stop
from anomaly.store.cases.answer_receipt import ANSWER_ACCEPTED
from anomaly.store.cases.case import FEEDBACK, Case
from anomaly.store.clip_index import CLIPS_FOLDER
from anomaly.store.database.rows import ClipRow, EventRow
from anomaly.store.page import Page, iterate
from anomaly.store.reader import PageRequest, StoreReader
from anomaly.store.store import Store
from anomaly.web.api.operation import Call, Operation
from anomaly.web.api.schemas.case import (
    AssignmentBody,
    CaseDetail,
    CaseFacts,
    CasePage,
    CaseQuery,
    ClipList,
    ClosingBody,
    CommentBody,
    HistoryEvent,
    NormalResult,
    NoteBody,
    ShelvingBody,
)
from anomaly.web.case_view import case_fields, clip_facts, history_event, why
from anomaly.web.errors import ApiError
from anomaly.web.security.identity import Right

_NEAR_CLIPS = 200


def cases(call: Call) -> CasePage:
    """Return cases, the newest first."""
    query, reader = call.query, call.services.access.reader_or_none()
    if reader is None:
        return CasePage(items=[], next=None)
    request = PageRequest(query.machine, newest_first=True, limit=query.limit, cursor=query.page)
    page = reader.cases(
        request, open_only=query.state == "open", closed_only=query.state == "closed", kind=query.kind
    )
    return CasePage(items=[CaseFacts(**case_fields(case)) for case in page.rows], next=page.cursor)


def case(call: Call) -> CaseDetail:
    """Return one case."""
    reader, found = _found(call)
    return _detail(reader, found)


def clips(call: Call) -> ClipList:
    """Return the clips of a case, and the nearest normal one."""
    reader, found = _found(call)
    own = _clips(reader, found.id)
    return ClipList(clips=[clip_facts(row) for row in own], normal=_nearest_normal(reader, found))


def acknowledge(call: Call) -> CaseDetail:
    """Record that somebody knows of the case."""
    return _changed(call, lambda store, found, by: store.cases.acknowledge(found.id, by, call.body.note))


def comment(call: Call) -> CaseDetail:
    """Add a comment."""
    return _changed(call, lambda store, found, by: store.cases.comment(found.id, call.body.text, by))


def shelve(call: Call) -> CaseDetail:
    """Hold back the messages about the case for a time."""
    body = call.body
    return _changed(call, lambda store, found, by: store.cases.shelve(found.id, body.for_s, by, body.note))


def unshelve(call: Call) -> CaseDetail:
    """Send the messages about the case again."""
    return _changed(call, lambda store, found, by: store.cases.unshelve(found.id, by, call.body.note))


def assign(call: Call) -> CaseDetail:
    """Record who sees to the case."""
    body = call.body
    return _changed(call, lambda store, found, by: store.cases.assign(found.id, body.to, by, body.note))


def close(call: Call) -> CaseDetail:
    """End the case."""
    body = call.body

    def change(store: Store, found: Case, by: str) -> Case:
        return store.cases.close(
            found.id,
            by=by,
            note=body.note,
            finding=body.finding,
            action=body.action.strip(),
            rebaseline=body.rebaseline,
            only_open=True,
        )

    return _changed(call, change)


def normal(call: Call) -> NormalResult:
    """Record that the case was no fault: such sound raises no alarm again."""
    access, by, now_s = call.services.access, call.identity.name, time.time()
    _, case_found = _found(call)
    site = access.site
    with access.store() as store:
        if is_unlearned_stop(case_found):
            confirm_stop(store, site.state_dir, case_found, by=by, note=call.body.note, now_s=now_s)
            return _normal_result(store, case_found, None, 0, "the stop counts as normal from now on")
        if case_found.kind != "machine":
            raise ApiError(409, "it is a case of the microphone, not of the machine")
        settings = site.machines.get(case_found.machine)
        detector = load_calibrated_detector(
            site.models_dir / site.bundle_of(case_found.machine),
            site.state_dir,
            case_found.machine,
            "student" if settings is None else settings.detector,
        )
        folder = site.state_dir / CLIPS_FOLDER
        result = record_feedback(
            store, detector, case_found, folder, normal=True, by=by, note=call.body.note, now_s=now_s
        )
        text = result.not_learned or f"{result.seconds} s of its sound count as normal from now on"
        return _normal_result(store, case_found, result.calibration, result.seconds, text)


def _normal_result(
    store: Store, case: Case, calibration: int | None, seconds: int, text: str
) -> NormalResult:
    state = store.cases.find(case.id).state.value
    return NormalResult(case=case.id, state=state, calibration=calibration, seconds=seconds, text=text)


def _changed(call: Call, change: Callable[[Store, Case, str], Case]) -> CaseDetail:
    _, found = _found(call)
    with call.services.access.store() as store:
        changed = change(store, found, call.identity.name)
    return _detail(call.services.access.reader(), changed)


def _found(call: Call) -> tuple[StoreReader, Case]:
    reader = call.services.access.reader_or_none()
    if reader is None:
        raise ApiError(404, "there is no such case")
    page = reader.read(lambda connection, version: _begins_with(connection, version, call.path["case"]))
    if not page:
        raise ApiError(404, "there is no such case")
    if len(page) > 1:
        raise ApiError(409, "several cases begin with these digits", "give more of them")
    return reader, reader.case(page[0])


def _begins_with(connection: Any, version: int, digits: str) -> list[str]:
    if not version:
        return []
    sql = "SELECT id FROM cases WHERE id >= ?1 AND id < ?1 || 'g' LIMIT 2"
    return [str(row[0]) for row in connection.execute(sql, (digits,))]


def _detail(reader: StoreReader, case: Case) -> CaseDetail:
    history: list[HistoryEvent] = [
        history_event(event) for event in _events(reader, case.id) if event.event != ANSWER_ACCEPTED
    ]
    own = [clip_facts(row) for row in _clips(reader, case.id)]
    return CaseDetail(**case_fields(case), why=why(case), history=history, clips=own)


def _events(reader: StoreReader, case_id: str) -> list[EventRow]:
    def page(cursor: str | None) -> Page[EventRow]:
        return reader.events(PageRequest(cursor=cursor), case_id=case_id)

    return list(iterate(page))


def _clips(reader: StoreReader, case_id: str) -> list[ClipRow]:
    page = reader.clips(PageRequest(newest_first=True, limit=_NEAR_CLIPS), case_id=case_id, removed=True)
    return list(page.rows)


def _nearest_normal(reader: StoreReader, case: Case) -> Any:
    """Return the newest kept clip of the machine whose case somebody has reported as normal."""
    page = reader.clips(PageRequest(case.machine, newest_first=True, limit=_NEAR_CLIPS))
    for row in page.rows:
        if row.case_id == case.id:
            continue
        said = reader.events(PageRequest(newest_first=True, limit=1), name=FEEDBACK, case_id=row.case_id).rows
        if said and said[0].detail.get("verdict") == "normal":
            return clip_facts(row)
    return None


def _action(name: str, summary: str, handler: Any, body: Any, result: Any = CaseDetail) -> Operation:
    return Operation(
        "POST",
        f"/cases/{{case}}/{name}",
        f"{name}_case",
        summary,
        Right.OPERATE,
        handler,
        result,
        body=body,
        refusals=(409,),
    )


CASE_OPERATIONS = (
    Operation(
        "GET", "/cases", "cases", "Cases, the newest first", Right.VIEW, cases, CasePage, query=CaseQuery
    ),
    Operation("GET", "/cases/{case}", "case", "One case", Right.VIEW, case, CaseDetail, refusals=(409,)),
    Operation(
        "GET", "/cases/{case}/clips", "clips", "Clips of a case", Right.VIEW, clips, ClipList, refusals=(409,)
    ),
    _action("acknowledge", "Record that somebody knows of a case", acknowledge, NoteBody),
    _action("comment", "Add a comment to a case", comment, CommentBody),
    _action("shelve", "Hold back the messages about a case", shelve, ShelvingBody),
    _action("unshelve", "Send the messages about a case again", unshelve, NoteBody),
    _action("assign", "Record who sees to a case", assign, AssignmentBody),
    _action("close", "End a case", close, ClosingBody),
    _action("normal", "Record that a case was no fault", normal, NoteBody, NormalResult),
)
