"""One SMTP session: connect, encrypt, log in, hand over one mail; each step in time, each error of one of two kinds.

Sources: RFC 5321 (codes: 4.2.1), RFC 3207 (STARTTLS), RFC 4954 (AUTH).
"""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from anomaly.alerts.sinks.certificates import usual_certificates
from anomaly.alerts.sinks.sink import SinkError, plain_reason
from anomaly.readable import one_line

Security = Literal["starttls", "tls", "none"]
# A session that takes so many of the time limits of one answer is cut: a server may send its answers byte by byte.
_ANSWERS_AT_MOST = 6
_EXCERPT = 200


@dataclass(frozen=True, slots=True)
class Receipt:
    """Answer of the server to a mail that it has taken.

    Args:
        answer: its words.
        refused: recipients that it has refused, with its answer to each: a code and words.
    """

    answer: str
    refused: dict[str, tuple[int, str]]


class SmtpSession:
    """Address of a server and the account there; each mail is sent in a session of its own.

    Args:
        host: the server.
        port: its port.
        where: the sink, for errors.
        security: when the connection is encrypted.
        trust: certificates to trust instead of the usual ones.
        username: of the account, if the server requires one.
        password: of that account.
        timeout_s: for connecting, and for each answer.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        where: str,
        security: Security = "starttls",
        trust: ssl.SSLContext | None = None,
        username: str | None = None,
        password: str | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        self.where = where
        self._host, self._port, self._security, self._trust = host, port, security, trust
        self._account = None if username is None else (username, password or "")
        self._timeout_s = timeout_s

    def check(self) -> str:
        """Connect, encrypt and log in; return one line about it.

        Raises:
            SinkError: a step fails.
        """
        with self._opened() as smtp:
            _expected(smtp.noop(), self.where)
        logged_in = "" if self._account is None else f" and accepts the account {self._account[0]}"
        return f"{self._host}:{self._port} answers{logged_in}"

    def send(self, mail: bytes, sender: str, recipients: Sequence[str]) -> Receipt:
        """Hand over a mail.

        Args:
            mail: headers and body, lines end with CR LF.
            sender: address of the envelope.
            recipients: addresses of the envelope.

        Returns:
            The answer. If the server has refused all recipients nothing is sent, and the answer is empty.

        Raises:
            SinkError: the mail was not taken; permanent if the server has refused account, sender or content for good.
        """
        with self._opened() as smtp:
            options = [f"size={len(mail)}"] if smtp.has_extn("size") else []
            _expected(smtp.mail(sender, options), self.where, "the sender")
            refused = {}
            for recipient in recipients:
                code, answer = smtp.rcpt(recipient)
                if code == 421:
                    _expected((code, answer), self.where)
                if code not in (250, 251):
                    refused[recipient] = (code, _words(answer))
            if len(refused) == len(recipients):
                smtp.rset()
                return Receipt("", refused)
            answered = smtp.data(mail)
            _expected(answered, self.where, "the mail")
            return Receipt(f"{answered[0]} {_words(answered[1])}", refused)

    @contextmanager
    def _opened(self) -> Iterator[smtplib.SMTP]:
        """Open a session, and turn the errors of smtplib and the network into those of sinks."""
        context = self._certificates()
        smtp: smtplib.SMTP | None = None
        watchdog: threading.Timer | None = None
        try:
            smtp = self._connect(context)
            watchdog = threading.Timer(_ANSWERS_AT_MOST * self._timeout_s, _cut, [smtp])
            watchdog.daemon = True
            watchdog.start()
            self._greet(smtp, context)
            yield smtp
            with contextlib.suppress(OSError, smtplib.SMTPException):
                smtp.quit()  # the mail is taken already
        except smtplib.SMTPAuthenticationError as error:
            raise self._refused("the account", error) from None  # its text may hold what was sent
        except smtplib.SMTPResponseException as error:
            raise self._refused("the session", error) from error
        except smtplib.SMTPNotSupportedError as error:
            hint = "choose another `security`, or see to the server"
            raise SinkError(f"the server cannot do this: {error}", where=self.where, hint=hint) from error
        except TimeoutError as error:
            raise SinkError("no answer in time", where=self.where) from error
        except UnicodeError:  # its cause would hold the password
            raise SinkError("user and password must be ASCII for this server", where=self.where) from None
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise SinkError(f"cannot be reached: {_words(plain_reason(error))}", where=self.where) from error
        finally:
            if watchdog is not None:
                watchdog.cancel()
            if smtp is not None:
                smtp.close()

    def _certificates(self) -> ssl.SSLContext | None:
        if self._security == "none" or self._trust is not None:
            return self._trust
        return usual_certificates(self.where)

    def _connect(self, context: ssl.SSLContext | None) -> smtplib.SMTP:
        # The name of this computer is set below: looking it up may take as long as the network does.
        if self._security == "tls":
            return smtplib.SMTP_SSL(
                self._host, self._port, local_hostname="localhost", timeout=self._timeout_s, context=context
            )
        return smtplib.SMTP(self._host, self._port, local_hostname="localhost", timeout=self._timeout_s)

    def _greet(self, smtp: smtplib.SMTP, context: ssl.SSLContext | None) -> None:
        smtp.local_hostname = _own_name(smtp.sock)
        smtp.ehlo_or_helo_if_needed()
        if self._security == "starttls":
            smtp.starttls(context=context)
            smtp.ehlo()
        if self._account is not None:
            smtp.login(*self._account)

    def _refused(self, what: str, error: smtplib.SMTPResponseException) -> SinkError:
        return _refusal(error.smtp_code, error.smtp_error, self.where, what)


def _expected(answered: tuple[int, bytes], where: str, what: str = "the session") -> None:
    """Raise the error of an answer that is not positive."""
    if not 200 <= answered[0] < 300:
        raise _refusal(answered[0], answered[1], where, what)


def _refusal(code: int, answer: bytes | str, where: str, what: str) -> SinkError:
    return SinkError(
        f"the server refused {what}: {code} {_words(answer)}",
        where=where,
        permanent=is_permanent(code),
    )


def is_permanent(code: int) -> bool:
    """Return whether a code means that a repetition fails in the same way (RFC 5321, 4.2.1)."""
    return 500 <= code < 600


def _own_name(connection: socket.socket | None) -> str:
    """Return this computer's address as RFC 5321, 4.1.3, writes it: servers accept it where a name has no domain."""
    address = "127.0.0.1" if connection is None else str(connection.getsockname()[0])
    return f"[IPv6:{address.partition('%')[0]}]" if ":" in address else f"[{address}]"


def _cut(smtp: smtplib.SMTP) -> None:
    """Interrupt a session that another thread waits in."""
    connection = smtp.sock
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


def _words(answer: bytes | str) -> str:
    """Return the words of an answer in one line, shortened."""
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return one_line(text)[:_EXCERPT]
