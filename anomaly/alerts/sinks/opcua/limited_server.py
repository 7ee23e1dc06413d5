"""Server that a stranger cannot fill: asyncua itself keeps all bytes of a message, whatever size it announces."""

from __future__ import annotations

from typing import Any

from asyncua import Server
from asyncua.common.connection import TransportLimits
from asyncua.server.binary_server_asyncio import BinaryServer, OPCUAProtocol
from asyncua.server.internal_server import InternalServer

_CHUNK_BYTES = 65_535
_MESSAGE_BYTES = 4 << 20
_CONNECTIONS = 100
_WAITING_MESSAGES = 100


class LimitedServer(Server):
    """Server with limits for each connection and for their number.

    Args:
        inner: sessions and address space.
    """

    def __init__(self, inner: InternalServer) -> None:
        super().__init__(iserver=inner)
        inner.max_connections = _CONNECTIONS
        inner.max_pending_messages_per_connection = _WAITING_MESSAGES
        self.limits = TransportLimits(
            max_recv_buffer=_CHUNK_BYTES,
            max_send_buffer=_CHUNK_BYTES,
            max_chunk_count=_MESSAGE_BYTES // _CHUNK_BYTES + 1,
            max_message_size=_MESSAGE_BYTES,
        )

    async def start(self) -> None:
        """Listen, as asyncua does, with limited connections.

        Raises:
            OSError: the address cannot be used.
        """
        await self._setup_server_nodes()
        await self.iserver.start()
        host, port = self._get_bind_socket_info()
        self.bserver = _LimitedListener(self.iserver, host, port, self.limits)
        self.bserver.set_policies(self._policies)
        try:
            await self.bserver.start()
        except OSError:
            await self.iserver.stop()
            raise


class _LimitedListener(BinaryServer):
    def _make_protocol(self) -> OPCUAProtocol:
        return _LimitedProtocol(self.iserver, self._policies, self.clients, self.closing_tasks, self.limits)


class _LimitedProtocol(OPCUAProtocol):
    _buffer: bytes

    def data_received(self, data: Any) -> None:
        """Take bytes; close a connection whose message is longer than a chunk may be."""
        super().data_received(data)
        # What is left is the beginning of one message.
        if len(self._buffer) > _CHUNK_BYTES and self.transport is not None:
            self._buffer = b""
            self.transport.close()
