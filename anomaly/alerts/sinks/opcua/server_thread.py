"""Event loop of the OPC UA server in a thread of its own, beside the threads of the monitor."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from typing import TypeVar

from anomaly.alerts.sinks.opcua.site_server import SiteServer
from anomaly.alerts.sinks.sink import SinkError

Result = TypeVar("Result")

# The standard address space takes two seconds of a fast computer.
_START_S = 60.0
_STOP_S = 5.0
# Beyond the time limit of a job itself.
_GRACE_S = 5.0

log = logging.getLogger(__name__)


class ServerThread:
    """Runs a server; it starts at the first use, and again if it could not.

    Args:
        make: makes the server, on its loop.
        where: the sink, for errors.
    """

    def __init__(self, make: Callable[[], SiteServer], where: str) -> None:
        self._make, self._where = make, where
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._server: SiteServer | None = None

    @property
    def is_running(self) -> bool:
        """True while the server listens."""
        return self._server is not None

    def run(self, job: Callable[[SiteServer], Awaitable[Result]], timeout_s: float) -> Result:
        """Run a job on the server's loop, and wait for it.

        Raises:
            SinkError: the server cannot start, or the job takes too long.
        """
        with self._lock:
            loop, server = self._started()
        return self._wait(loop, job(server), timeout_s + _GRACE_S)

    def post(self, job: Callable[[SiteServer], Awaitable[None]]) -> None:
        """Run a job on the server's loop without waiting; nothing happens while the server does not listen."""
        loop, server = self._loop, self._server
        if loop is not None and server is not None:
            with suppress(RuntimeError):  # the loop has just been closed
                asyncio.run_coroutine_threadsafe(_reported(job(server)), loop)

    def close(self) -> None:
        """Stop the server and its thread; may be repeated."""
        with self._lock:
            loop, server, thread = self._loop, self._server, self._thread
            self._loop = self._server = self._thread = None
        if loop is None or thread is None:
            return
        if server is not None:
            with suppress(SinkError):
                self._wait(loop, server.stop(), _STOP_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_STOP_S)

    def _started(self) -> tuple[asyncio.AbstractEventLoop, SiteServer]:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(
                target=_serve, args=(self._loop,), name="opcua-server", daemon=True
            )
            self._thread.start()
        if self._server is None:
            self._server = self._wait(self._loop, _start(self._make), _START_S)
        return self._loop, self._server

    def _wait(self, loop: asyncio.AbstractEventLoop, job: Awaitable[Result], timeout_s: float) -> Result:
        future = asyncio.run_coroutine_threadsafe(_awaited(job), loop)
        try:
            return future.result(timeout_s)
        except FutureTimeoutError as error:
            future.cancel()
            raise SinkError("the OPC UA server does not answer in time", where=self._where) from error


async def _start(make: Callable[[], SiteServer]) -> SiteServer:
    server = make()
    await server.start()
    return server


async def _awaited(job: Awaitable[Result]) -> Result:
    return await job


async def _reported(job: Awaitable[None]) -> None:
    try:
        await job
    except Exception:
        log.exception("a value cannot be shown by OPC UA")


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    """Run the loop until it is stopped, and end what is left on it."""
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()
