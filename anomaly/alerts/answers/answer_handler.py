"""Handler of answers: signature, time and content are checked, and the case is changed once for each key.

HTTP and MQTT both end here. All changes are made by one thread, in the order of their arrival, so that a flood of
answers opens no further connections to the database.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

from anomaly.alerts.answers.answer import (
    VERSION,
    Acknowledgement,
    Answer,
    Assignment,
    Closing,
    Comment,
    InvalidAnswerError,
    Shelving,
    Unshelving,
    WorkReport,
    parsed_answer,
)
from anomaly.alerts.answers.strict_json import LARGEST_BYTES, MalformedJsonError, parsed_json
from anomaly.alerts.signature import is_genuine
from anomaly.errors import AnomalyError, InputError, UsageError
from anomaly.readable import duration
from anomaly.store.cases.answer_receipt import AnswerOrigin, AnswerRepeatedError
from anomaly.store.cases.case import Case, iso_utc
from anomaly.store.cases.operator_changes import OperatorChanges
from anomaly.store.store import Store

Way = Literal["http", "mqtt"]
# Answers that wait for the database; more are refused for now.
_MOST_WAITING = 512
_LONGEST_KEY = 128

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SignedAnswer:
    """Answer as it arrives.

    Args:
        body: its JSON, to the byte as it was signed.
        signature: ``sha256=`` and 64 hex digits; empty where there is none.
        way: by which it came.
        key: idempotency key beside the body, if the way has a place for it.
    """

    body: bytes
    signature: str
    way: Way
    key: str | None = None


@dataclass(frozen=True, slots=True)
class AnswerResult:
    """Result of an answer, in the codes of HTTP.

    Args:
        status: 200, or why the answer is refused.
        content: JSON object that says the same in words.
        repeated: the answer was accepted before, and this is the result of then.
    """

    status: int
    content: Mapping[str, Any]
    repeated: bool = False


class AnswerHandler:
    """Checks answers and carries them out; a context manager that ends its thread.

    Args:
        store: of the cases.
        secrets: of each system that may answer, by its name.
        window_s: greatest difference between the time of an answer and this computer's.
        clock: UNIX seconds.
    """

    def __init__(
        self,
        store: Store,
        secrets: Mapping[str, bytes],
        window_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._secrets = store, dict(secrets)
        self._window_s, self._clock = window_s, clock
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="answers")
        self._places = threading.BoundedSemaphore(_MOST_WAITING)

    def __enter__(self) -> AnswerHandler:
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.shutdown(cancel_futures=True)

    def submit(self, signed: SignedAnswer) -> Future[AnswerResult]:
        """Check an answer and queue its change; the result is there at once if it is refused."""
        checked, done = self._checked(signed), Future[AnswerResult]()
        if isinstance(checked, AnswerResult):
            done.set_result(checked)
            return done
        answer, origin = checked
        if not self._places.acquire(blocking=False):
            words = "too many answers wait: try again with the same id"
            done.set_result(refusal(HTTPStatus.SERVICE_UNAVAILABLE, words, answer.id))
            return done
        future = self._worker.submit(self._carry_out, answer, origin)
        future.add_done_callback(lambda _: self._places.release())
        return future

    def _checked(self, signed: SignedAnswer) -> AnswerResult | tuple[Answer, AnswerOrigin]:
        """Return the answer if it is genuine, of now and well-formed, else the refusal."""
        if len(signed.body) > LARGEST_BYTES:
            words = f"the body is longer than {LARGEST_BYTES} bytes"
            return refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, words)
        if not signed.signature:
            return refusal(HTTPStatus.UNAUTHORIZED, "the signature is missing")
        # Each secret is tried, so that the time does not tell whose it is.
        genuine = [n for n, s in self._secrets.items() if is_genuine(s, signed.body, signed.signature)]
        if not genuine:
            return refusal(
                HTTPStatus.UNAUTHORIZED, "the signature is not that of this body with a known secret"
            )
        try:
            value = parsed_json(signed.body)
        except MalformedJsonError as error:
            return refusal(HTTPStatus.BAD_REQUEST, str(error))
        key = _key_of(value)
        try:
            answer = parsed_answer(value)
            off_s = answer.unix_s - self._clock()
        except InvalidAnswerError as error:
            return refusal(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), key)
        if signed.key is not None and signed.key != answer.id:
            return refusal(HTTPStatus.BAD_REQUEST, "Idempotency-Key is not the id in the body", key)
        if abs(off_s) > self._window_s:
            words = f"time is {duration(abs(off_s))} {'ahead of' if off_s > 0 else 'behind'} this computer's"
            return refusal(HTTPStatus.UNAUTHORIZED, f"{words}: sign the answer anew, and set the clocks", key)
        return answer, self._origin(answer, genuine[0], signed)

    def _origin(self, answer: Answer, system: str, signed: SignedAnswer) -> AnswerOrigin:
        # A time ahead of the clock is accepted for as long again.
        since_s = max(0.0, self._clock() - 2.0 * self._window_s - 1.0)
        digest = hashlib.sha256(signed.body).hexdigest()
        return AnswerOrigin(answer.id, digest, system, signed.way, iso_utc(since_s))

    def _carry_out(self, answer: Answer, origin: AnswerOrigin) -> AnswerResult:
        cases = self._store.cases.answering(origin)
        try:
            receipt, repeated = cases.receipt(), True
            if receipt is None:
                receipt, repeated = self._changed(cases, answer), False
        except AnswerRepeatedError as error:  # another process was faster
            receipt, repeated = error.receipt, True
        except UnknownCaseError as error:
            return refusal(HTTPStatus.NOT_FOUND, str(error), answer.id)
        except InputError as error:
            return refusal(HTTPStatus.CONFLICT, str(error), answer.id)
        except UsageError as error:
            return refusal(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), answer.id)
        except AnomalyError as error:
            # Its text names a path of this computer.
            _LOG.warning("an answer cannot be stored: %s", error)
            words = "the database does not take the answer now: try again with the same id"
            return refusal(HTTPStatus.SERVICE_UNAVAILABLE, words, answer.id)
        if receipt["digest"] != origin.digest:
            words = "the id was used for another answer: give each answer an id of its own"
            return refusal(HTTPStatus.CONFLICT, words, answer.id)
        return AnswerResult(HTTPStatus.OK, _accepted(answer.id, receipt), repeated)

    def _changed(self, cases: OperatorChanges, answer: Answer) -> Mapping[str, Any]:
        """Change the case; return the receipt that is stored with the change."""
        try:
            case_id = self._store.cases.find(answer.case).id
        except UsageError as error:
            raise UnknownCaseError(str(error)) from error
        _apply(cases, case_id, answer)
        receipt = cases.receipt()
        assert receipt is not None
        return receipt


class UnknownCaseError(Exception):
    """No case, or more than one, has the identifier of an answer."""


def refusal(status: HTTPStatus, words: str, key: str | None = None) -> AnswerResult:
    """Return the result of an answer that is refused."""
    content = {"version": VERSION, "id": key, "status": int(status), "error": words}
    return AnswerResult(int(status), content)


def _accepted(key: str, receipt: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: receipt[name] for name in ("case", "machine", "state", "changed")}
    return {"version": VERSION, "id": key, "status": int(HTTPStatus.OK), **shown}


def _key_of(value: object) -> str | None:
    """Return the identifier of an answer that may be wrong otherwise, so that its sender finds the result."""
    key = value.get("id") if isinstance(value, dict) else None
    return key[:_LONGEST_KEY] if isinstance(key, str) else None


def _apply(cases: OperatorChanges, case_id: str, answer: Answer) -> Case:
    """Change a case as the command of `anomaly cases` does that has the name of the answer."""
    by, note = answer.by.strip(), answer.note.strip()
    match answer:
        case Acknowledgement():
            return cases.acknowledge(case_id, by, note)
        case Shelving():
            return cases.shelve(case_id, answer.for_s, by, note)
        case Unshelving():
            return cases.unshelve(case_id, by, note)
        case Assignment():
            return cases.assign(case_id, answer.to, by, note)
        case Comment():
            return cases.comment(case_id, note, by)
        case Closing():
            return cases.close(
                case_id,
                by=by,
                note=note,
                finding=answer.finding,
                action=answer.action.strip(),
                rebaseline=answer.rebaseline,
                only_open=True,
            )
        case WorkReport():
            return cases.report_work(
                case_id, answer.action, by, note=note, finding=answer.finding, order=answer.order
            )
