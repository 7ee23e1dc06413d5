"""Alerts to Prometheus Alertmanager, which routes, groups and silences them: each open case again until it is over."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from anomaly.alerts.sinks.alertmanager.alertmanager_alert import case_alerts, message_alerts
from anomaly.alerts.sinks.http_session import HttpSession
from anomaly.alerts.sinks.sink import SinkError
from anomaly.alerts.wording import case_text
from anomaly.alerts.wording.site_facts import machine_facts
from anomaly.config import Site
from anomaly.languages import Language
from anomaly.store.cases.case import Case
from anomaly.store.outbox.message import AlertMessage

# A status report is a few kB.
_LARGEST_STATUS_BYTES = 1 << 20


class AlertmanagerSink:
    """Sink that posts alerts; 200 confirms them.

    Args:
        name: the sink's name.
        session: server and account; its address is that of Alertmanager.
        labels: of each alert, beside machine, case and severity.
        resend_s: interval at which open cases are sent again.
        expires_s: time after which Alertmanager resolves an alert that is not sent again.
        language: of the words.
        site: for facts of the machines.
        clock: UNIX seconds.
    """

    def __init__(
        self,
        name: str,
        session: HttpSession,
        *,
        labels: Mapping[str, str] | None = None,
        resend_s: float = 60.0,
        expires_s: float = 300.0,
        language: Language = "en",
        site: Site | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.resend_s = resend_s
        self.last_answer = ""
        self._session = session
        self._labels, self._expires_s = dict(labels or {}), expires_s
        self._language, self._site, self._clock = language, site, clock
        self._base = session.url.copy_with(path=f"{session.url.path.rstrip('/')}/api/v2/")

    def deliver(self, message: AlertMessage) -> None:
        """Post the alerts that bring Alertmanager to the state of the message's case.

        Raises:
            SinkError: it did not take them; permanent if it has refused them.
        """
        text = case_text(message, self._language, machine_facts(self._site, message.machine))
        self._post(
            message_alerts(message, text, self._clock(), expires_s=self._expires_s, labels=self._labels)
        )

    def publish_open_cases(self, cases: Sequence[Case]) -> None:
        """Post the alerts of all open cases again, so that they do not end by themselves.

        Raises:
            SinkError: as for ``deliver``.
        """
        alerts: list[dict[str, Any]] = []
        for case in cases:
            message = AlertMessage("case.opened", case.machine, case.opened_at, case)
            text = case_text(message, self._language, machine_facts(self._site, case.machine))
            alerts += case_alerts(case, text, self._clock(), expires_s=self._expires_s, labels=self._labels)
        if alerts:
            self._post(alerts)

    def check(self) -> str:
        """Ask for the status; return one line about it.

        Raises:
            SinkError: no answer, or one that is not Alertmanager's.
        """
        answer = self._session.send("GET", self._base.join("status"), most_bytes=_LARGEST_STATUS_BYTES)
        try:
            version = json.loads(answer.body)["versionInfo"]["version"]
        except (ValueError, TypeError, KeyError) as error:
            raise SinkError("answers, but is no Alertmanager", where=self._session.where) from error
        return f"{self._session.url.host} answers: Alertmanager {version}"

    def close(self) -> None:
        """Close the connections. Alerts stay: Alertmanager resolves them after ``expires_s``."""
        self._session.close()

    def _post(self, alerts: list[dict[str, Any]]) -> None:
        answer = self._session.send(
            "POST",
            self._base.join("alerts"),
            headers={"Content-Type": "application/json"},
            body=json.dumps(alerts).encode(),
        )
        self.last_answer = answer.status
