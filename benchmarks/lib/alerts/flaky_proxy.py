"""TCP proxy in front of a receiver: it passes data, refuses connections, hangs, or cuts them in the middle."""

from __future__ import annotations

import random
import selectors
import socket
import struct
import threading
from contextlib import suppress
from typing import Literal

Mode = Literal["up", "refuse", "hang", "cut"]
MODES: tuple[Mode, ...] = ("up", "refuse", "hang", "cut")
_CHUNK = 65_536
_WAIT_S = 0.05


class FlakyProxy:
    """Listens on a free port of this computer, and keeps it through all modes.

    Args:
        target_port: of the receiver, on this computer.
        seed: of the places at which connections are cut.
    """

    def __init__(self, target_port: int, seed: int = 0) -> None:
        self._target_port, self._rng = target_port, random.Random(seed)
        self._mode: Mode = "up"
        self._broken = 0
        self._generation = 0
        self._closing = threading.Event()
        self._listener = self._listen(0)
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def broken(self) -> int:
        """Number of connections that were cut or hung: the answer to what had reached the receiver may be lost."""
        return self._broken

    def __enter__(self) -> FlakyProxy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()
        self._listener.close()

    def set_mode(self, mode: Mode) -> None:
        """Change the mode; all connections that are open are cut, except into ``hang``."""
        self._mode = mode
        if mode != "hang":
            self._generation += 1

    def _listen(self, port: int) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(64)
        listener.settimeout(_WAIT_S)
        return listener

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            if self._mode == "refuse":
                client.close()
                continue
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        generation = self._generation
        try:
            server = socket.create_connection(("127.0.0.1", self._target_port), 5.0)
        except OSError:
            client.close()
            return
        with suppress(OSError, ValueError), client, server:
            if not self._pass(client, server, generation):
                self._broken += 1
                for one in (client, server):
                    # Without this the end would look like that of a program that has read everything.
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _pass(self, client: socket.socket, server: socket.socket, generation: int) -> bool:
        """Copy both ways until the server closes; return whether nothing disturbed that.

        In the mode ``cut`` it stops after some bytes, perhaps before the answer is passed on.
        """
        left = self._rng.randrange(200, 3_000) if self._mode == "cut" else None
        whole = True
        with selectors.DefaultSelector() as selector:
            selector.register(client, selectors.EVENT_READ, server)
            selector.register(server, selectors.EVENT_READ, client)
            while not self._closing.is_set() and generation == self._generation:
                for key, _ in selector.select(_WAIT_S):
                    if self._mode == "hang":
                        whole = False
                        self._closing.wait(_WAIT_S)
                        continue
                    source = key.fileobj
                    assert isinstance(source, socket.socket)
                    data = source.recv(_CHUNK)
                    if not data and source is server:
                        return whole
                    if not data:
                        selector.unregister(client)
                        server.shutdown(socket.SHUT_WR)
                        continue
                    key.data.sendall(data if left is None else data[: max(0, left)])
                    if left is not None:
                        left -= len(data)
                        if left <= 0:
                            return False
        return False
