"""HTTP endpoint of answers: ``POST /answers``, one request per connection, with strict limits of size, time and number.

The connection is not encrypted; the signature protects an answer, and nobody without a secret gets more than a refusal.
Beyond this computer a reverse proxy adds TLS.
"""

from __future__ import annotations

import threading

from anomaly.alerts.answers.answer_handler import AnswerHandler
from anomaly.alerts.answers.connection_limit import ConnectionLimit
from anomaly.alerts.answers.http_connection import PATH, SEND_S, AnswerServer
from anomaly.errors import ConfigError

__all__ = ["MOST_CONNECTIONS", "PATH", "REQUEST_S", "HttpEndpoint"]

MOST_CONNECTIONS = 64
REQUEST_S = 10.0


class HttpEndpoint:
    """Server that listens while its ``with`` block runs.

    Args:
        handler: takes the answers.
        host: address to listen at.
        port: 0 for any free one.
        most_connections: open at once.
        request_s: seconds for a whole request.

    Raises:
        ConfigError: the address cannot be used, such as one that another program listens at.
    """

    def __init__(
        self,
        handler: AnswerHandler,
        host: str,
        port: int,
        *,
        most_connections: int = MOST_CONNECTIONS,
        request_s: float = REQUEST_S,
    ) -> None:
        self._limit = ConnectionLimit(most_connections)
        try:
            self._server = AnswerServer((host, port), handler, self._limit, request_s)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ConfigError(
                f"answers cannot be taken here: {reason}",
                where=f"{host}:{port}",
                hint="choose another host or port in the section answers of the site file",
            ) from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="answers-http", daemon=True
        )

    @property
    def port(self) -> int:
        """Port it listens at."""
        return int(self._server.server_address[1])

    @property
    def connections(self) -> int:
        """Number of connections that are open."""
        return self._limit.count

    def __enter__(self) -> HttpEndpoint:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._limit.close(0.0 if not self._thread.is_alive() else SEND_S)
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
