"""Alerts by mail to people: each message in words, the mails of a case in one thread."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence

from anomaly.alerts.sinks.case_picture import await_picture, case_picture
from anomaly.alerts.sinks.email.email_message import compose
from anomaly.alerts.sinks.email.smtp_session import SmtpSession, is_permanent
from anomaly.alerts.sinks.sink import SinkError
from anomaly.alerts.wording import case_text
from anomaly.alerts.wording.site_facts import machine_facts
from anomaly.config import Site
from anomaly.languages import Language
from anomaly.store.cases.case import unix_s
from anomaly.store.outbox.message import AlertMessage

# Messages of which some recipients are still to be served, at most so many.
_REMEMBERED = 1_000


class EmailSink:
    """Sink that sends each message as a mail; the server's acceptance confirms it.

    Args:
        name: the sink's name.
        session: server and account.
        sender: address that the mail comes from.
        recipients: addresses that get it.
        language: of the words.
        site: for facts of the machine, and the folder of the pictures.
        picture_wait_s: longest wait for the picture of a new case; None sends no pictures.
    """

    def __init__(
        self,
        name: str,
        session: SmtpSession,
        *,
        sender: str,
        recipients: Sequence[str],
        language: Language = "en",
        site: Site | None = None,
        picture_wait_s: float | None = None,
    ) -> None:
        self.name = name
        self.last_answer = ""
        self._session = session
        self._sender, self._recipients = sender, tuple(recipients)
        self._language, self._site = language, site
        self._picture_wait_s = picture_wait_s
        self._closing = threading.Event()
        self._served: OrderedDict[str, set[str]] = OrderedDict()

    def deliver(self, message: AlertMessage) -> None:
        """Send the mail to all recipients that have not got it yet.

        Raises:
            SinkError: the server did not take it, or not for all of them; permanent if it has refused for good.
        """
        text = case_text(message, self._language, machine_facts(self._site, message.machine))
        mail = compose(
            message, text, sender=self._sender, recipients=self._recipients, picture=self._picture(message)
        )
        served = self._served.setdefault(message.id, set())
        waiting = [one for one in self._recipients if one not in served]
        receipt = self._session.send(mail, self._sender, waiting) if waiting else None
        if receipt is not None:
            served.update(one for one in waiting if one not in receipt.refused)
            self.last_answer = receipt.answer
            if receipt.refused:
                while len(self._served) > _REMEMBERED:
                    self._served.popitem(last=False)
                raise self._recipients_refused(receipt.refused)
        self._served.pop(message.id, None)

    def close(self) -> None:
        """Stop waiting for the picture of a case. No connection has to be closed: each delivery has its own."""
        self._closing.set()

    def _recipients_refused(self, refused: dict[str, tuple[int, str]]) -> SinkError:
        listed = "; ".join(f"{one}: {code} {words}" for one, (code, words) in refused.items())
        return SinkError(
            f"the server refused {len(refused)} of {len(self._recipients)} recipients: {listed}",
            where=self._session.where,
            permanent=all(is_permanent(code) for code, _ in refused.values()),
            hint="correct the addresses; the others have the mail and get it no second time",
        )

    def _picture(self, message: AlertMessage) -> bytes | None:
        case, site = message.case, self._site
        if (
            self._picture_wait_s is None
            or site is None
            or case is None
            or message.group
            or case.kind != "machine"
        ):
            return None
        age_s = time.time() - unix_s(message.time)
        if message.event != "case.opened" or site.clips.content == "none" or age_s < 0:
            return case_picture(site.state_dir, case.id)
        return await_picture(site.state_dir, case.id, self._picture_wait_s - age_s, self._closing)
