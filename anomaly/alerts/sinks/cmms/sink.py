"""Alerts as work orders: one per case, looked up before it is made, and told of each later event of the case."""

from __future__ import annotations

import json
from typing import Any

import httpx

from anomaly.alerts.sinks.cmms.order_numbers import OrderNumbers
from anomaly.alerts.sinks.cmms.presets import Preset
from anomaly.alerts.sinks.cmms.template import (
    RequestTemplate,
    UnexpectedAnswerError,
    filled_body,
    filled_header,
    filled_path,
    filled_text,
    found_at,
)
from anomaly.alerts.sinks.cmms.values import message_values
from anomaly.alerts.sinks.http_session import HttpAnswer, HttpSession
from anomaly.alerts.sinks.sink import SinkError
from anomaly.alerts.wording import case_text
from anomaly.alerts.wording.site_facts import machine_facts
from anomaly.config import Site
from anomaly.languages import Language
from anomaly.store.cases.case import SEVERITIES, Case
from anomaly.store.outbox.message import AlertMessage

# A page of work orders with long texts.
_LARGEST_ANSWER_BYTES = 4 << 20


class CmmsSink:
    """Sink that keeps one work order per case; 2xx confirms each request.

    Before a work order is made, the system is asked whether the case has one: after a lost answer, and after a restart,
    no second one is made.

    Args:
        name: the sink's name.
        session: server and account.
        requests: templates of the system.
        least_severity: a case below it makes no work order.
        sensor_cases: faults of microphones make work orders too.
        language: of the words.
        site: for facts of the machines.
        test_only: search, and make nothing.
        orders: numbers of the work orders that are known.
    """

    def __init__(
        self,
        name: str,
        session: HttpSession,
        requests: Preset,
        *,
        least_severity: str = "minor",
        sensor_cases: bool = True,
        language: Language = "en",
        site: Site | None = None,
        test_only: bool = False,
        orders: OrderNumbers | None = None,
    ) -> None:
        self.name = name
        self.last_answer = ""
        self._session, self._requests = session, requests
        self._least_step = SEVERITIES.index(least_severity) + 1
        self._sensor_cases = sensor_cases
        self._language, self._site, self._test_only = language, site, test_only
        self._orders = orders or OrderNumbers()
        self._token: str | None = None

    def deliver(self, message: AlertMessage) -> None:
        """Bring the system to the state of the message's case: make a work order, or add to the one that there is.

        Raises:
            SinkError: a request was not confirmed, or its answer is not understood.
        """
        case = message.case
        if case is None or self._test_only:
            self.last_answer = f"{self.check()}; no work order was made"
            return
        text = case_text(message, self._language, machine_facts(self._site, message.machine))
        values = message_values(message, text, self._requests)
        order = self._orders.of(case.id) or self._find(values)
        if order is None:
            if self._is_wanted(case):
                self._orders.keep(case.id, self._create(values))
            return
        self._orders.keep(case.id, order)
        # The work order holds the words of its opening already; a repetition adds nothing.
        if message.event != "case.opened":
            self._update(values | {"order": order}, case.id)

    def check(self) -> str:
        """Search for a work order that there is not; return one line about the answer.

        Raises:
            SinkError: no answer, a refusal, or an answer that is not understood.
        """
        nobody = Case("test", "machine", "2000-01-01T00:00:00.000Z", "", id="0" * 32)
        message = AlertMessage("case.opened", "test", nobody.opened_at, nobody)
        self._find(message_values(message, case_text(message), self._requests))
        return f"{self._session.url.host} answers a search for work orders"

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _is_wanted(self, case: Case) -> bool:
        """Return whether a case without a work order gets one."""
        if not case.is_open:
            return False
        return self._sensor_cases if case.kind == "sensor" else case.severity >= self._least_step

    def _find(self, values: dict[str, str]) -> str | None:
        """Return the number of the case's work order; None if there is none."""
        lookup = self._requests.lookup
        answer = self._send(lookup, values, f"find-{values['message']}")
        try:
            items = found_at(_json(answer), lookup.items)
            if not isinstance(items, list):
                raise UnexpectedAnswerError(f"{lookup.items} is no list")
            for item in items:
                if filled_text(lookup.contains, values) in str(found_at(item, lookup.key)):
                    return _number(found_at(item, lookup.id))
        except UnexpectedAnswerError as error:
            raise self._not_understood("lookup", error) from error
        return None

    def _create(self, values: dict[str, str]) -> str:
        create = self._requests.create
        answer = self._send(create, values, values["case"])
        self.last_answer = answer.status
        try:
            return _number(found_at(_json(answer), create.id or "."))
        except UnexpectedAnswerError as error:
            raise self._not_understood("create", error) from error  # the next attempt finds it

    def _update(self, values: dict[str, str], case_id: str) -> None:
        try:
            self.last_answer = self._send(self._requests.update, values, values["message"]).status
        except SinkError:
            self._orders.forget(case_id)  # somebody may have deleted it: search anew
            raise

    def _send(self, template: RequestTemplate, values: dict[str, str], key: str) -> HttpAnswer:
        headers = {name: filled_header(text, values) for name, text in template.headers.items()}
        headers |= {"Accept": "application/json", "Idempotency-Key": key}
        changing = template is not self._requests.lookup
        if self._requests.csrf:
            headers["X-CSRF-Token"] = (self._token or "") if changing else "Fetch"
        body = None
        if template.body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(filled_body(template.body, values) or {}).encode()
        url = httpx.URL(f"{str(self._session.url).rstrip('/')}{filled_path(template.path, values)}")
        answer = self._session.send(
            template.method, url, headers=headers, body=body, most_bytes=_LARGEST_ANSWER_BYTES
        )
        self._token = answer.headers.get("x-csrf-token", self._token)
        return answer

    def _not_understood(self, request: str, error: Exception) -> SinkError:
        return SinkError(
            f"the answer to {request} is not understood: {error}",
            where=self._session.where,
            hint="see whether `url` is that of the HTTP interface, and whether the templates fit its version",
        )


def _json(answer: HttpAnswer) -> Any:
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise UnexpectedAnswerError("it is no JSON") from error


def _number(value: Any) -> str:
    """Return the number of a work order; of an address its last part."""
    if not isinstance(value, str | int) or isinstance(value, bool) or not str(value).strip():
        raise UnexpectedAnswerError("it holds no number of a work order")
    return str(value).rstrip("/").rpartition("/")[2]
