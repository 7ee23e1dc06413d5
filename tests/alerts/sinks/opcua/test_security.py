"""Access to the OPC UA server: certificates, users, encryption."""

from __future__ import annotations

import logging
import random
import socket
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyAes256Sha256RsaPss, SecurityPolicyBasic256Sha256

from anomaly.alerts.sinks.opcua.opcua_kind import OpcUaConfig
from anomaly.alerts.sinks.opcua.opcua_sink import OpcUaSink
from support.opcua_client import OpcUaClient

MakeSink = Callable[..., OpcUaSink]
MakeClient = Callable[..., OpcUaClient]


def test_a_client_is_trusted_by_its_certificate(
    make_sink: MakeSink, make_client: MakeClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make_sink(trust_all_clients=False).publish_open_cases([])
    client = make_client()
    for _ in range(2):
        with pytest.raises(ua.UaStatusCodeError, match="BadCertificateUntrusted"):
            client.connect()
    folder = tmp_path / "state" / "opcua-scada"
    (rejected,) = (folder / "rejected").iterdir()
    assert rejected.read_bytes() == client.certificate.der
    assert f"its certificate is not trusted; move {rejected} to {folder / 'trusted'}" in caplog.text
    rejected.rename(folder / "trusted" / rejected.name)
    client.connect()
    assert client.value("pump/State") == "UNKNOWN"


@pytest.mark.parametrize(
    ("user", "password", "status"),
    [
        ("ann", "wrong", "BadUserAccessDenied"),
        ("ann", "", "BadUserAccessDenied"),
        ("eve", "s3cret", "BadUserAccessDenied"),
        ("admin", "", "BadUserAccessDenied"),
        (None, "", "BadIdentityTokenRejected"),
    ],
)
def test_a_user_that_is_refused(
    listening: OpcUaSink,
    make_client: MakeClient,
    caplog: pytest.LogCaptureFixture,
    user: str | None,
    password: str,
    status: str,
) -> None:
    client = make_client(user=user, password=password)
    with pytest.raises(ua.UaStatusCodeError, match=status):
        client.connect()
    assert "s3cret" not in caplog.text


def test_a_channel_without_security(
    listening: OpcUaSink, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    known = make_client()

    async def ask_for_a_session() -> None:
        client = Client(f"opc.tcp://127.0.0.1:{known.port}/anomaly", timeout=5)
        await client.connect_socket()
        try:
            await client.send_hello()
            await client.open_secure_channel()
            # The client itself would give up, because no endpoint offers this.
            await client.uaclient.create_session(ua.CreateSessionParameters(ClientNonce=b"n" * 32))
            token = ua.UserNameIdentityToken(PolicyId="username", UserName="ann", Password=b"s3cret")
            await client.uaclient.activate_session(ua.ActivateSessionParameters(UserIdentityToken=token))
        finally:
            client.disconnect_socket()

    with pytest.raises(ua.UaStatusCodeError, match="BadSecurityModeInsufficient"):
        known.run(ask_for_a_session())
    assert "its channel has no security" in caplog.text


def test_a_stranger_with_the_certificate_of_a_trusted_client(
    make_sink: MakeSink, make_client: MakeClient, tmp_path: Path
) -> None:
    make_sink(trust_all_clients=False).publish_open_cases([])
    trusted = tmp_path / "state" / "opcua-scada" / "trusted"
    known = make_client()
    (trusted / "known.der").write_bytes(known.certificate.der)
    stranger = OpcUaClient(known.port, tmp_path / "stranger")

    async def pretend() -> None:
        client = Client(f"opc.tcp://127.0.0.1:{known.port}/anomaly", timeout=5)
        client.set_user("ann")
        client.set_password("s3cret")
        await client.set_security(
            SecurityPolicyBasic256Sha256, stranger.certificate.cert, stranger.certificate.key
        )
        client.client_certificate = known.certificate.der
        await client.connect()

    try:
        with pytest.raises(ua.UaStatusCodeError, match="BadCertificateUntrusted"):
            stranger.run(pretend())
    finally:
        stranger.close()


def test_offers(listening: OpcUaSink, make_client: MakeClient) -> None:
    client = make_client()
    client.connect()
    offers = client.run(client.client.get_endpoints())
    assert {(offer.SecurityPolicyUri.rpartition("#")[2], offer.SecurityMode.name) for offer in offers} == {
        ("Basic256Sha256", "SignAndEncrypt"),
        ("Aes256_Sha256_RsaPss", "SignAndEncrypt"),
    }
    tokens = {token.TokenType.name for offer in offers for token in offer.UserIdentityTokens}
    assert tokens == {"UserName"}


def test_the_newer_policy(listening: OpcUaSink, make_client: MakeClient) -> None:
    known = make_client()

    async def connect() -> str:
        client = Client(f"opc.tcp://127.0.0.1:{known.port}/anomaly", timeout=5)
        client.application_uri = known.certificate.uri
        client.set_user("ann")
        client.set_password("s3cret")
        await client.set_security(
            SecurityPolicyAes256Sha256RsaPss, known.certificate.cert, known.certificate.key
        )
        async with client:
            return str(await client.get_node(ua.NodeId("pump/OpenCases", 2)).read_value())

    assert known.run(connect()) == "0"


def test_what_is_allowed_when_configured(make_sink: MakeSink, make_client: MakeClient) -> None:
    make_sink(users=[], anonymous=True, unencrypted=True).publish_open_cases([])
    client = make_client(user=None)
    client.connect(encrypted=False)
    assert client.value("pump/State") == "UNKNOWN"


def test_the_own_key(listening: OpcUaSink, tmp_path: Path, make_sink: MakeSink) -> None:
    folder = tmp_path / "state" / "opcua-scada"
    key, cert = folder / "private-key.pem", folder / "certificate.der"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = cert.read_bytes()
    listening.close()
    make_sink().publish_open_cases([])
    assert cert.read_bytes() == before


def test_nobody_registers_a_server(listening: OpcUaSink, make_client: MakeClient) -> None:
    client = make_client()
    client.connect()
    server = ua.RegisteredServer(ServerUri="urn:x", ServerNames=[ua.LocalizedText("x")])
    with pytest.raises(ua.UaStatusCodeError, match="BadServiceUnsupported"):
        client.run(client.client.uaclient.register_server(server))


def test_the_library_is_quiet(listening: OpcUaSink) -> None:
    assert logging.getLogger("asyncua").getEffectiveLevel() == logging.CRITICAL


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({}, "nobody could connect"),
        ({"users": [{"username": "a"}]}, "give one of password_env and password_file"),
        ({"users": [{"username": "a", "password_env": "A"}] * 2}, "two users have one name"),
        ({"anonymous": True, "port": 0}, "greater than or equal to 1"),
    ],
)
def test_settings_that_cannot_be(keys: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        OpcUaConfig.model_validate({"name": "scada"} | keys)


@pytest.mark.parametrize("kind", [b"HELF", b"OPNF", b"MSGF"])
def test_a_message_without_end(listening: OpcUaSink, port: int, make_client: MakeClient, kind: bytes) -> None:
    message = kind + (1 << 30).to_bytes(4, "little") + b"x" * (64 << 20)
    with socket.create_connection(("127.0.0.1", port), 5) as stranger, pytest.raises(ConnectionError):
        stranger.sendall(message)
    client = make_client()
    client.connect()
    assert client.value("pump/State") == "UNKNOWN"


def test_noise(listening: OpcUaSink, port: int, make_client: MakeClient) -> None:
    chance = random.Random(3)
    for head in (
        b"",
        b"HELF",
        b"OPNF\x50\0\0\0",
        b"MSGF\x40\0\0\0",
        b"CLOF\x0c\0\0\0",
        b"ERRF\x09\0\0\0",
    ) * 5:
        with socket.create_connection(("127.0.0.1", port), 5) as stranger, suppress(ConnectionError):
            stranger.sendall(head + chance.randbytes(100))
    client = make_client()
    client.connect()
    assert client.value("pump/State") == "UNKNOWN"
