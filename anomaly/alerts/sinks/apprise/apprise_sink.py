"""Alerts to people by services that the library Apprise knows: Teams, Slack, SMS gateways and some hundred others."""

from __future__ import annotations

import re
import warnings
from typing import Any

from anomaly.alerts.sinks.http_session import is_permanent
from anomaly.alerts.sinks.sink import SinkError
from anomaly.alerts.wording import case_text
from anomaly.alerts.wording.site_facts import machine_facts
from anomaly.config import Site
from anomaly.errors import ConfigError
from anomaly.extras import needs
from anomaly.languages import Language
from anomaly.store.outbox.message import AlertMessage

# How Apprise writes the status of an answer into its log; it reports it nowhere else.
_STATUS = re.compile(r"\berror=(\d{3})\b")
_URGENT = ("case.opened", "case.escalated")


class AppriseSink:
    """Sink that sends each message in words to one service; the service's acceptance confirms it.

    Args:
        name: the sink's name.
        address: of the service in the form of Apprise; it holds secrets and shows nowhere.
        language: of the words.
        site: for facts of the machines.
        timeout_s: for connecting, and for each answer.

    Raises:
        ConfigError: Apprise is not installed, or does not know the address.
    """

    def __init__(
        self,
        name: str,
        address: str,
        *,
        language: Language = "en",
        site: Site | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        self.name = name
        self.last_answer = ""
        self._where = f"apprise {name}"
        self._language, self._site = language, site
        self._service = _service(address, self._where, timeout_s)

    @property
    def description(self) -> str:
        """One line about the service, without secrets."""
        return f"the address is one of {self._service.service_name}; nothing was sent"

    def deliver(self, message: AlertMessage) -> None:
        """Send the words.

        Raises:
            SinkError: the service did not take them; permanent if it has refused them for good.
        """
        from apprise import Apprise

        text = case_text(message, self._language, machine_facts(self._site, message.machine))
        rows = "\n".join(f"{name}: {row}" for name, row in text.rows)
        said: list[str] = []
        sender = Apprise()
        sender.add(self._service)
        try:
            done = sender.notify(
                title=text.headline,
                body=f"{rows}\n\n{message.event} {message.machine} {message.id}",
                notify_type="failure" if message.event in _URGENT else "info",
                body_format="text",
                log_callback=lambda entry, _: said.append(str(entry.message)),
            )
        except Exception as error:  # hundreds of plug-ins, and the text of their errors may hold the address
            reason = f"the plug-in failed: {type(error).__name__}"
            raise SinkError(reason, where=self._where) from None
        if not done:
            raise self._refused(said)
        self.last_answer = f"{self._service.service_name} took it"

    def close(self) -> None:
        """Do nothing: a connection is open during a delivery alone."""

    def _refused(self, said: list[str]) -> SinkError:
        # The lines themselves are not shown: they may hold parts of the address.
        codes = [int(found[1]) for line in said if (found := _STATUS.search(line))]
        if not codes:
            return SinkError(f"{self._service.service_name} cannot be reached", where=self._where)
        return SinkError(
            f"{self._service.service_name} answered {codes[-1]}",
            where=self._where,
            permanent=is_permanent(codes[-1]),
            hint="see whether the address is still valid",
        )


def _service(address: str, where: str, timeout_s: float) -> Any:
    with needs("apprise"), warnings.catch_warnings():
        # A plug-in imports a module that Python is about to drop.
        warnings.simplefilter("ignore", DeprecationWarning)
        from apprise import Apprise

        service = Apprise.instantiate(address, suppress_exceptions=True)
    if service is None:
        raise ConfigError(
            "Apprise does not know the address",
            where=where,
            hint="see https://github.com/caronc/apprise/wiki for the form of each service",
        )
    service.socket_connect_timeout = service.socket_read_timeout = timeout_s
    return service
