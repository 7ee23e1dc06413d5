"""Server of the dashboard: the application on uvicorn, until it is asked to end."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import uvicorn

from anomaly.errors import ConfigError
from anomaly.web.app import build_app
from anomaly.web.settings import WebSettings

# Streams end at once when the server does.
_SHUTDOWN_S = 3
_LOG = logging.getLogger(__name__)


def serve(settings: WebSettings, on_ready: Callable[[str], None] = lambda url: None) -> None:
    """Serve the dashboard until SIGTERM or Ctrl-C.

    Args:
        settings: of the server.
        on_ready: called with the address when the port is open.

    Raises:
        ConfigError: the port cannot be used, or site file, users or tokens cannot.
    """
    app = build_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.key,
        log_level="warning",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="on",
        timeout_keep_alive=10,
        timeout_graceful_shutdown=_SHUTDOWN_S,
        h11_max_incomplete_event_size=32_768,
    )
    with _bound(settings) as listener:
        port = listener.getsockname()[1]
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        on_ready(settings.url or f"{'https' if settings.is_secure else 'http'}://{host}:{port}")
        server = _Server(config)
        server.run(sockets=[listener])
    if server.interrupted:
        raise KeyboardInterrupt


class _Server(uvicorn.Server):
    """Server for which SIGTERM is a usual end."""

    interrupted = False

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End the server at SIGTERM and Ctrl-C, and at nothing else."""
        before = {
            number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note a signal and begin the end."""
        self.interrupted = self.interrupted or sig == signal.SIGINT
        super().handle_exit(sig, frame)


def lower_priority(by: int = 5) -> None:
    """Let what captures and scores sound go first."""
    with suppress(OSError):
        os.nice(by)


def _bound(settings: WebSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    try:
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(512)
    except OSError as error:
        listener.close()
        hint = "choose another with --port" if error.errno else None
        where = f"{settings.host}:{settings.port}"
        raise ConfigError(
            f"cannot be listened at: {error.strerror or error}", where=where, hint=hint
        ) from error
    return listener
