"""Mail of a message: words as text and as HTML, the picture inside, one thread per case.

Sources: RFC 5322 (headers, threads: 3.6.4), RFC 2392 (``cid:``), RFC 3834 (``Auto-Submitted``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP

from anomaly.alerts.wording import CaseText
from anomaly.alerts.wording.html import as_html
from anomaly.store.cases.case import unix_s
from anomaly.store.outbox.message import AlertMessage

_URGENT = ("case.opened", "case.escalated")
_POLICY = SMTP.clone(max_line_length=78)


def compose(
    message: AlertMessage,
    text: CaseText,
    *,
    sender: str,
    recipients: Sequence[str],
    picture: bytes | None = None,
) -> bytes:
    """Return a mail as it is sent. The same arguments give the same ``Message-ID``.

    Args:
        message: to send.
        text: its words.
        sender: address of the header ``From``.
        recipients: addresses of the header ``To``.
        picture: PNG to show below the words.
    """
    domain = sender.rpartition("@")[2]
    mail = EmailMessage(_POLICY)
    mail["From"] = sender
    mail["To"] = ", ".join(recipients)
    mail["Date"] = datetime.fromtimestamp(unix_s(message.time), UTC)
    mail["Message-ID"] = f"<{message.id}@{domain}>"
    follows = message.case is not None and message.event != "case.opened" and not message.group
    mail["Subject"] = f"Re: {text.thread}" if follows else text.thread
    if message.case is not None and not message.group:
        # All mails of a case answer one that was never sent: the first one may have gone before this sink existed.
        root = f"<case-{message.case.id}@{domain}>"
        mail["In-Reply-To"] = root
        mail["References"] = root
    mail["Auto-Submitted"] = "auto-generated"
    if message.event in _URGENT:
        mail["Importance"] = "high"
    mail["X-Anomaly-Message"] = message.id
    mail["X-Anomaly-Event"] = message.event
    mail["X-Anomaly-Machine"] = message.machine
    mail.set_content(f"{text.plain}\n-- \n{text.reason}\n", cte="quoted-printable")
    name = f"spectrogram-{message.id}@{domain}"
    mail.add_alternative(
        as_html(text, None if picture is None else f"cid:{name}"), subtype="html", cte="quoted-printable"
    )
    if picture is not None:
        html = mail.get_payload()[1]  # type: ignore[index]
        assert isinstance(html, EmailMessage)
        html.add_related(
            picture, "image", "png", cid=f"<{name}>", filename="spectrogram.png", disposition="inline"
        )
    # Made anew for each attempt, the boundaries between the parts would differ: a repetition is the same mail.
    for number, part in enumerate(part for part in mail.walk() if part.is_multipart()):
        part.set_boundary(f"{message.id}-{number}")
    return mail.as_bytes()
