"""Probe of a network address."""

from __future__ import annotations

import socket

from anomaly.alerts.sinks.sink import SinkError, plain_reason

# Long enough for a slow radio link; the doctor probes one sink after another.
TIMEOUT_S = 5.0


def probe_tcp(host: str, port: int, timeout_s: float = TIMEOUT_S) -> str:
    """Open and close a TCP connection; return one line about it.

    Raises:
        SinkError: nothing accepts the connection in time.
    """
    try:
        socket.create_connection((host, port), timeout_s).close()
    except OSError as error:
        raise SinkError(
            f"{host}:{port} does not answer: {plain_reason(error)}",
            hint="messages are kept and tried again; correct the address, or see to the other side",
        ) from error
    return f"{host}:{port} answers"
