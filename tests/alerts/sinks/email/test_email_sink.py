"""Mail over SMTP, at a real server on this computer: what arrives, what is refused, and servers that fail."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

from anomaly.alerts import DATABASE_NAME, AlertMessage, Store
from anomaly.alerts.sinks import SinkContext, SinkError
from anomaly.alerts.sinks.case_picture import case_picture
from anomaly.alerts.sinks.email.email_kind import EMAIL, EmailConfig, build, probe
from anomaly.alerts.sinks.email.email_message import compose
from anomaly.alerts.sinks.email.email_sink import EmailSink
from anomaly.alerts.wording import case_text
from anomaly.cli import run
from anomaly.config import Site
from anomaly.store.clip_index import CLIPS_FOLDER, PICTURE
from anomaly.store.database.rows import ClipRow
from support.certificate import Certificate
from support.mail_receiver import MailReceiver

MakeMessage = Callable[..., AlertMessage]
StartReceiver = Callable[..., MailReceiver]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
RECIPIENTS = ("ann@plant.example", "bob@plant.example")


def config(port: int, **keys: Any) -> EmailConfig:
    given: dict[str, Any] = {
        "name": "crew",
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "sender": "anomaly@plant.example",
        "recipients": RECIPIENTS,
        "timeout_s": 2,
    }
    return EmailConfig.model_validate(given | keys)


def email(port: int, context: SinkContext | None = None, **keys: Any) -> EmailSink:
    made = build(config(port, **keys), context or SinkContext())
    assert isinstance(made, EmailSink)
    return made


@pytest.fixture
def receiver(start_mail_receiver: StartReceiver) -> MailReceiver:
    return start_mail_receiver()


@pytest.fixture
def state_dir(tmp_path: Path) -> Iterator[Path]:
    """Folder of a database with no clips yet."""
    with Store.open(tmp_path / DATABASE_NAME):
        yield tmp_path


def add_picture(state_dir: Path, case_id: str) -> None:
    folder = state_dir / CLIPS_FOLDER / "pump" / "clip"
    folder.mkdir(parents=True)
    (folder / PICTURE).write_bytes(PNG)
    with Store.open(state_dir / DATABASE_NAME) as store:
        store.clips.add(ClipRow("0" * 12, case_id, "pump", 1.0, 20.0, "full", "pump/clip", 100))


def test_the_mail(receiver: MailReceiver, make_message: MakeMessage) -> None:
    message = make_message()
    sink = email(receiver.port, language="de")
    sink.deliver(message)
    (mail,) = receiver.mails
    assert receiver.recipients == [list(RECIPIENTS)]
    assert mail["From"] == "anomaly@plant.example"
    assert mail["To"] == ", ".join(RECIPIENTS)
    assert mail["Message-ID"] == f"<{message.id}@plant.example>"
    assert mail["Date"].datetime.timestamp() == 1_800_000_000
    assert message.case is not None
    assert mail["Subject"] == f"pump klingt nicht normal [Fall {message.case.id[:8]}]"
    assert (mail["Auto-Submitted"], mail["Importance"]) == ("auto-generated", "high")
    plain, html = mail.iter_parts()  # type: ignore[attr-defined]
    assert plain.get_content().startswith("pump klingt nicht normal.\r\n\r\nSchwere:")
    assert "<b>pump klingt nicht normal.</b>" in html.get_content()
    assert html.get_content_type() == "text/html"
    assert sink.last_answer == "250 2.0.0 Ok: queued as 1"


def test_a_case_is_one_thread(receiver: MailReceiver, make_message: MakeMessage) -> None:
    opened = make_message()
    sink = email(receiver.port)
    for message in (opened, make_message("case.returned", case=opened.case), make_message()):
        sink.deliver(message)
    first, second, other = receiver.mails
    assert first["References"] == second["References"] == second["In-Reply-To"]
    assert second["Subject"] == f"Re: {first['Subject']}"
    assert first["Message-ID"] != second["Message-ID"]
    assert other["References"] != first["References"]


def test_a_repetition_is_the_same_mail(make_message: MakeMessage) -> None:
    message = make_message()
    made = [
        compose(message, case_text(message), sender="a@b.example", recipients=RECIPIENTS, picture=PNG)
        for _ in range(2)
    ]
    assert made[0] == made[1]


def test_the_picture_is_shown_inside(
    receiver: MailReceiver, make_message: MakeMessage, state_dir: Path
) -> None:
    message = make_message("case.acknowledged")
    assert message.case is not None
    add_picture(state_dir, message.case.id)
    context = SinkContext(site=Site(state_dir=state_dir))
    email(receiver.port, context).deliver(message)
    email(receiver.port, context, picture=False).deliver(message)
    email(receiver.port, replace(context, test_only=True)).deliver(message)
    shown, *others = receiver.mails
    (image,) = [part for part in shown.walk() if part.get_content_type() == "image/png"]
    html = next(part for part in shown.walk() if part.get_content_type() == "text/html")
    assert image.get_content() == PNG  # type: ignore[attr-defined]
    assert image["Content-Disposition"] == 'inline; filename="spectrogram.png"'
    assert f'src="cid:{image["Content-ID"][1:-1]}"' in html.get_content()  # type: ignore[attr-defined]
    assert not [part for mail in others for part in mail.walk() if part.get_content_maintype() == "image"]


def test_the_mail_of_a_new_case_waits_for_its_picture(
    receiver: MailReceiver, state_dir: Path, make_message: MakeMessage
) -> None:
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    message = replace(make_message(), time=now)
    assert message.case is not None
    case_id = message.case.id
    sink = email(receiver.port, SinkContext(site=Site(state_dir=state_dir)))
    delivery = threading.Thread(target=sink.deliver, args=(message,))
    delivery.start()
    assert not receiver.mails
    add_picture(state_dir, case_id)
    delivery.join(10)
    (mail,) = receiver.mails
    assert [part for part in mail.walk() if part.get_content_type() == "image/png"]
    # Closing the sink ends the wait for a picture that never comes.
    other = replace(make_message(), time=now)
    second = threading.Thread(target=sink.deliver, args=(other,))
    second.start()
    sink.close()
    second.join(10)
    assert len(receiver.mails) == 2


def test_pictures_that_cannot_be_read(state_dir: Path, tmp_path: Path) -> None:
    assert case_picture(tmp_path / "none", "a") is None
    assert case_picture(state_dir, "a") is None
    add_picture(state_dir, "a")
    assert case_picture(state_dir, "a") == PNG
    (state_dir / CLIPS_FOLDER / "pump" / "clip" / PICTURE).unlink()
    assert case_picture(state_dir, "a") is None


# aiosmtpd takes a connection that is encrypted from the start for one that is not.
@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_encryption_and_account(
    start_mail_receiver: StartReceiver, certificate: Certificate, make_message: MakeMessage, security: str
) -> None:
    receiver = start_mail_receiver(
        certificate=certificate, implicit_tls=security == "tls", account=("anomaly", "s3cret")
    )
    keys = {"security": security, "ca_file": certificate.cert, "username": "anomaly", "password_env": "MAIL"}
    trusting = SinkContext(environ={"MAIL": "s3cret"})
    email(receiver.port, trusting, **keys).deliver(make_message())
    assert probe(config(receiver.port, **keys), trusting).endswith("answers and accepts the account anomaly")
    wrong = SinkContext(environ={"MAIL": "wr0ng"})
    for attempt in (
        lambda: email(receiver.port, wrong, **keys).deliver(make_message()),
        lambda: probe(config(receiver.port, **keys), wrong),
    ):
        with pytest.raises(SinkError, match="refused the account: 535") as caught:
            attempt()
        assert caught.value.permanent
    with pytest.raises(SinkError, match="certificate verify failed") as doubted:
        email(receiver.port, trusting, **keys | {"ca_file": None}).deliver(make_message())
    assert not doubted.value.permanent
    assert len(receiver.mails) == 1


def test_a_server_without_encryption_gets_no_password(
    receiver: MailReceiver, make_message: MakeMessage
) -> None:
    context = SinkContext(environ={"MAIL": "s3cret"})
    sink = email(receiver.port, context, security="starttls", username="anomaly", password_env="MAIL")
    with pytest.raises(SinkError, match="STARTTLS extension not supported") as caught:
        sink.deliver(make_message())
    assert not caught.value.permanent


def test_a_password_outside_ascii_does_not_show(
    start_mail_receiver: StartReceiver, certificate: Certificate, make_message: MakeMessage
) -> None:
    receiver = start_mail_receiver(certificate=certificate, account=("anomaly", "x"))
    keys = {
        "security": "starttls",
        "ca_file": certificate.cert,
        "username": "anomaly",
        "password_env": "MAIL",
    }
    sink = email(receiver.port, SinkContext(environ={"MAIL": "pässwort"}), **keys)
    with pytest.raises(SinkError, match="must be ASCII") as caught:
        sink.deliver(make_message())
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("answer", "permanent"),
    [
        ("451 4.3.0 Try again later", False),
        ("452 4.2.2 Mailbox full", False),
        ("421 4.3.2 Shutting down", False),
        ("550 5.7.1 Message rejected as spam", True),
        ("552 5.3.4 Message too big", True),
    ],
)
def test_a_mail_that_is_refused(
    receiver: MailReceiver, make_message: MakeMessage, answer: str, permanent: bool
) -> None:
    receiver.data_answer = answer
    with pytest.raises(SinkError, match="refused the mail: ") as caught:
        email(receiver.port).deliver(make_message())
    assert answer in str(caught.value)
    assert caught.value.permanent is permanent


@pytest.mark.parametrize(
    ("answer", "permanent"), [("450 4.2.0 Greylisted", False), ("550 5.1.1 User unknown", True)]
)
def test_a_recipient_that_is_refused_costs_the_others_nothing(
    receiver: MailReceiver, make_message: MakeMessage, answer: str, permanent: bool
) -> None:
    receiver.refuse_recipient = lambda address: answer if address.startswith("bob") else None
    sink, message = email(receiver.port), make_message()
    with pytest.raises(SinkError, match=r"refused 1 of 2 recipients: bob@plant\.example: ") as caught:
        sink.deliver(message)
    assert caught.value.permanent is permanent
    receiver.refuse_recipient = lambda _: None
    sink.deliver(message)
    assert receiver.recipients == [["ann@plant.example"], ["bob@plant.example"]]
    assert receiver.mails[0]["Message-ID"] == receiver.mails[1]["Message-ID"]


def test_all_recipients_are_refused(receiver: MailReceiver, make_message: MakeMessage) -> None:
    receiver.refuse_recipient = lambda _: "550 5.1.1 User unknown"
    with pytest.raises(SinkError, match="refused 2 of 2 recipients") as caught:
        email(receiver.port).deliver(make_message())
    assert caught.value.permanent
    assert receiver.mails == []


def test_a_connection_that_is_cut(receiver: MailReceiver, make_message: MakeMessage) -> None:
    def cut(server: SMTP) -> None:
        assert server.transport is not None
        server.transport.close()

    receiver.on_data = cut
    with pytest.raises(SinkError, match="cannot be reached: Connection unexpectedly closed") as caught:
        email(receiver.port).deliver(make_message())
    assert not caught.value.permanent


def test_a_server_that_does_not_answer(make_message: MakeMessage) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as deaf,
        pytest.raises(SinkError, match=r"timed out|no answer in time") as caught,
    ):
        email(deaf.getsockname()[1], timeout_s=0.2).deliver(make_message())
    assert not caught.value.permanent


def test_a_server_that_answers_byte_by_byte(make_message: MakeMessage) -> None:
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as slow:

        def drip() -> None:
            connection, _ = slow.accept()
            with connection:
                connection.sendall(b"220 hello\r\n")
                while not stop.wait(0.02):
                    try:
                        connection.sendall(b"2")
                    except OSError:
                        return

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        with pytest.raises(SinkError, match="cannot be reached"):
            email(slow.getsockname()[1], timeout_s=0.1).deliver(make_message())
        stop.set()
        thread.join(5)


@pytest.mark.parametrize("evil", ["x\r\nBcc: eve@evil.example", "x\nSubject: spam\n\nbody", "a\x00b\u2028c"])
def test_no_header_can_be_added(receiver: MailReceiver, make_message: MakeMessage, evil: str) -> None:
    made = make_message("case.acknowledged")
    assert made.case is not None
    message = replace(made, by=evil, note=evil, case=replace(made.case, summary=evil))
    site = Site.model_validate({"machines": {"pump": {"device": "hw:0"}}})
    email(receiver.port, SinkContext(site=site)).deliver(message)
    (mail,) = receiver.mails
    assert receiver.recipients == [list(RECIPIENTS)]
    assert mail["Bcc"] is None
    assert mail.get_all("Subject") == [f"Re: pump does not sound normal [case {made.case.id[:8]}]"]


def test_a_very_long_name_is_folded(make_message: MakeMessage) -> None:
    message = make_message()
    text = replace(case_text(message), thread="Größe " * 60)
    mail = compose(message, text, sender="a@b.example", recipients=RECIPIENTS)
    assert max(len(line) for line in mail.split(b"\r\n")) <= 998
    assert message_from_bytes(mail, policy=default)["Subject"].strip() == ("Größe " * 60).strip()


def test_a_test_message(receiver: MailReceiver) -> None:
    sink = email(receiver.port, SinkContext(test_only=True))
    sink.deliver(AlertMessage("test", "pump", "2027-01-15T08:00:00.000Z"))
    (mail,) = receiver.mails
    assert mail["Subject"] == "Test message for pump"
    assert "This is a test." in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"sender": "nobody"}, "must be an address of mail"),
        ({"recipients": ["ann@plant.example\r\nBcc: eve@evil.example"]}, "must be an address of mail"),
        ({"recipients": []}, "at least 1 item"),
        ({"recipients": ["a@b.example", "a@b.example"]}, "stands twice"),
        ({"username": "ann"}, "encrypted connection only"),
        ({"ca_file": "x"}, "of no use with security: none"),
        ({"security": "tls", "password_env": "X"}, "a password needs a username"),
        ({"security": "tls", "username": "a", "password_env": "X", "password_file": "y"}, "not both"),
    ],
)
def test_settings_that_cannot_be_used(keys: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        config(25, **keys)


def test_mail_is_for_people() -> None:
    assert EMAIL.audience == "people"


def test_the_command_shows_the_answer(
    receiver: MailReceiver,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = config(receiver.port).model_dump(mode="json", exclude_none=True)
    (tmp_path / "site.yaml").write_text(json.dumps({"sinks": {"email": [keys]}}))
    monkeypatch.chdir(tmp_path)
    assert run(["alerts", "test", "crew", "--machine", "pump"]) == 0
    assert capsys.readouterr().err.endswith(": 250 2.0.0 Ok: queued as 1\n")
    (mail,) = receiver.mails
    assert mail["X-Anomaly-Event"] == "test"
