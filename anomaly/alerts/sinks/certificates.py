"""Certificates that a sink trusts beside those that its section of the site file names."""

from __future__ import annotations

import os
import ssl

from anomaly.alerts.sinks.sink import SinkError
from anomaly.errors import ConfigError
from anomaly.http_environment import certificate_fault, tls_context


def usual_certificates(where: str) -> ssl.SSLContext:
    """Return a context that trusts the certificates of the system, or of ``SSL_CERT_FILE`` and ``SSL_CERT_DIR``.

    Args:
        where: the sink, for errors.

    Raises:
        SinkError: they cannot be read. It is one of this delivery alone: the variable may be corrected.
    """
    try:
        if (fault := certificate_fault(os.environ)) is not None:
            raise fault
        return tls_context("certificates of the system")
    except ConfigError as error:
        raise SinkError(f"cannot be reached: {error}", where=where, hint=error.hint) from error
