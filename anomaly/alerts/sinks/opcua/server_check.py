"""Check of an OPC UA server that runs already: is it the one of this site, and does it take its user?"""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256

from anomaly.alerts.sinks.opcua.address_space import NAMESPACE
from anomaly.alerts.sinks.opcua.certificate import OwnCertificate
from anomaly.alerts.sinks.sink import SinkError, plain_reason
from anomaly.atomic import check_writable

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def check_server(
    host: str,
    port: int,
    folder: Path,
    certificate: OwnCertificate | None,
    account: tuple[str, str] | None,
    *,
    where: str,
    timeout_s: float,
) -> str:
    """Connect to the server of the monitor as a client with the server's own certificate; return a line about it.

    Where nothing listens, the address is tried: no monitor runs.

    Args:
        host: address at which the server listens.
        port: its port.
        folder: for its certificates.
        certificate: of the server; None if it has none yet.
        account: user and password; None for an anonymous client.
        where: the sink, for errors.
        timeout_s: for each step.

    Raises:
        SinkError: the address cannot be used, or another program listens there.
        ConfigError: the folder cannot be written.
    """
    reached = _ANY.get(host, host)
    try:
        socket.create_connection((reached, port), timeout_s).close()
    except OSError:
        check_address(host, port, where)
        check_writable(folder, f"folder, in the section of {where}")
        return f"{host}:{port} is free for the server, which the monitor starts; no event was sent"
    if certificate is None:
        raise SinkError(
            f"another program listens at {host}:{port}", where=where, hint="stop it, or set another port"
        )
    try:
        machines = asyncio.run(_ask(reached, port, certificate, account, timeout_s))
    except (OSError, ua.UaError, TimeoutError, ValueError) as error:
        raise SinkError(
            f"{host}:{port} answers, but is not the server of this site: {_words(error)}",
            where=where,
            hint="stop the other program, or set another port; if the password has changed, restart the monitor",
        ) from error
    shown = "1 machine" if machines == 1 else f"{machines} machines"
    return f"the monitor's server at {host}:{port} takes the user and shows {shown}; no event was sent"


def check_address(host: str, port: int, where: str) -> None:
    """Listen at an address for a moment.

    Raises:
        SinkError: it cannot be used.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, *_, address = found[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        raise unusable_address(host, port, error, where) from error


def unusable_address(host: str, port: int, error: OSError, where: str) -> SinkError:
    """Return the error about an address at which the server cannot listen."""
    return SinkError(
        f"cannot listen at {host}:{port}: {plain_reason(error.strerror or error)}",
        where=where,
        hint="set host to an address of this computer, and port to one that no other program uses",
    )


async def _ask(
    host: str, port: int, certificate: OwnCertificate, account: tuple[str, str] | None, timeout_s: float
) -> int:
    name = f"[{host}]" if ":" in host else host
    client = Client(f"opc.tcp://{name}:{port}/anomaly", timeout=timeout_s)
    client.application_uri = certificate.uri
    if account is not None:
        client.set_user(account[0])
        client.set_password(account[1])
    await client.set_security(
        SecurityPolicyBasic256Sha256,
        certificate=certificate.cert,
        private_key=certificate.key,
        server_certificate=certificate.cert,
    )
    async with client:
        namespace = await client.get_namespace_index(NAMESPACE)
        root = await client.nodes.objects.get_child(ua.QualifiedName("anomaly", namespace))
        return len(await root.get_children(refs=ua.ObjectIds.HasComponent))


def _words(error: BaseException) -> str:
    text = plain_reason(error)
    return text.partition("(")[0].strip() or type(error).__name__
