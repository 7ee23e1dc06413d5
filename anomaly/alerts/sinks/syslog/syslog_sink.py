"""Alerts to a syslog server, RFC 5424, over UDP (RFC 5426), TCP (RFC 6587) or TLS (RFC 5425).

Syslog has no confirmation. Over TCP and TLS each message has a connection of its own: that the server closes it after
this side has, without a reset, shows that it has read everything. Over UDP nothing shows that.
"""

from __future__ import annotations

import errno
import socket
import ssl
from typing import Literal

from anomaly.alerts.sinks.certificates import usual_certificates
from anomaly.alerts.sinks.sink import SinkError, plain_reason
from anomaly.alerts.sinks.syslog.syslog_message import syslog_line
from anomaly.alerts.wording import case_text
from anomaly.alerts.wording.site_facts import machine_facts
from anomaly.config import Site
from anomaly.languages import Language
from anomaly.store.outbox.message import AlertMessage

Transport = Literal["udp", "tcp", "tls"]
# Wait for the answer of a computer that has no server at the port; a router may drop it.
_UNREACHABLE_S = 0.1


class SyslogSink:
    """Sink that sends each message as a line of syslog.

    Args:
        name: the sink's name.
        host: the server.
        port: its port.
        transport: how the line travels.
        trust: certificates to trust instead of the usual ones, for TLS.
        facility: of the lines.
        hostname: of this computer, in the lines.
        app_name: of this program, in the lines.
        language: of the words.
        site: for facts of the machines.
        timeout_s: for connecting, and for the end of the connection.
    """

    def __init__(
        self,
        name: str,
        host: str,
        port: int,
        transport: Transport,
        *,
        trust: ssl.SSLContext | None = None,
        facility: str = "daemon",
        hostname: str = "-",
        app_name: str = "anomaly",
        language: Language = "en",
        site: Site | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        self.name = name
        self.last_answer = ""
        self._host, self._port, self._transport, self._trust = host, port, transport, trust
        self._facility, self._hostname, self._app_name = facility, hostname, app_name
        self._language, self._site, self._timeout_s = language, site, timeout_s

    def deliver(self, message: AlertMessage) -> None:
        """Send the line.

        Raises:
            SinkError: the server cannot be reached, or did not read everything.
        """
        text = case_text(message, self._language, machine_facts(self._site, message.machine))
        line = syslog_line(
            message, text, facility=self._facility, hostname=self._hostname, app_name=self._app_name
        )
        try:
            if self._transport == "udp":
                self._send_datagram(line)
                self.last_answer = f"{len(line)} bytes sent; UDP confirms nothing"
            else:
                self._send_stream(b"%d %s" % (len(line), line))
                self.last_answer = f"{len(line)} bytes read by the server"
        except TimeoutError as error:
            raise SinkError("no answer in time", where=self._where) from error
        except OSError as error:
            too_long = error.errno == errno.EMSGSIZE
            raise SinkError(
                f"cannot be reached: {plain_reason(error)}", where=self._where, permanent=too_long
            ) from error

    def close(self) -> None:
        """Do nothing: a connection is open during a delivery alone."""

    @property
    def _where(self) -> str:
        return f"syslog {self.name} at {self._host}:{self._port}"

    def _send_datagram(self, line: bytes) -> None:
        family, kind, protocol, _, address = socket.getaddrinfo(
            self._host, self._port, type=socket.SOCK_DGRAM
        )[0]
        with socket.socket(family, kind, protocol) as connection:
            connection.connect(address)
            connection.send(line)
            connection.settimeout(_UNREACHABLE_S)
            try:
                connection.recv(1)
            except TimeoutError:
                return  # nobody complains

    def _send_stream(self, frame: bytes) -> None:
        """Send octets with their number before them (RFC 6587, 3.4.1), and wait for the end of the connection."""
        with socket.create_connection((self._host, self._port), self._timeout_s) as plain:
            if self._transport == "tcp":
                plain.sendall(frame)
                plain.shutdown(socket.SHUT_WR)
                _read_to_end(plain)
                return
            context = self._trust or usual_certificates(self._where)
            with context.wrap_socket(plain, server_hostname=self._host) as secure:
                secure.sendall(frame)
                try:
                    secure.unwrap()
                except ssl.SSLEOFError:
                    pass  # the server closed without saying so, after it has read everything
                except ssl.SSLError as error:
                    if "APPLICATION_DATA_AFTER_CLOSE_NOTIFY" not in str(error):
                        raise


def _read_to_end(connection: socket.socket) -> None:
    # A server may send something, such as a greeting, but not for ever.
    for _ in range(64):
        if not connection.recv(4096):
            return
    raise OSError("it answers without end, as no syslog server does")
