"""The server's own certificate, and the trust in those of clients."""

from __future__ import annotations

import datetime
import os
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from anomaly.alerts.sinks.opcua.certificate import existing_certificate, own_certificate
from anomaly.alerts.sinks.opcua.client_trust import ClientTrust
from anomaly.errors import ConfigError


def trust(folder: Path, **keys: bool) -> ClientTrust:
    return ClientTrust(
        folder / "trusted", folder / "rejected", b"own", trust_all=keys.get("trust_all", False)
    )


def test_made_once(tmp_path: Path) -> None:
    assert existing_certificate(tmp_path) is None
    made = own_certificate(tmp_path, "scada", "192.0.2.7")
    assert own_certificate(tmp_path, "scada", "192.0.2.7") == made == existing_certificate(tmp_path)
    found = x509.load_der_x509_certificate(made.der)
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [made.uri]
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.7"]
    assert made.uri.startswith("urn:")
    assert made.uri.endswith(":anomaly:scada")
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600


def test_files_that_do_not_belong_together(tmp_path: Path) -> None:
    one, other = (own_certificate(tmp_path / name, "scada", "localhost") for name in "ab")
    one.key.write_bytes(other.key.read_bytes())
    with pytest.raises(ConfigError, match="do not belong together") as caught:
        own_certificate(tmp_path / "a", "scada", "localhost")
    assert caught.value.hint is not None
    one.cert.write_bytes(b"nonsense")
    with pytest.raises(ConfigError, match="cannot be used"):
        own_certificate(tmp_path / "a", "scada", "localhost")


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written: Not a directory"):
        own_certificate(tmp_path / "file" / "x", "scada", "localhost")


def test_pem_and_der_are_trusted(tmp_path: Path) -> None:
    client = own_certificate(tmp_path / "client", "client", "localhost")
    (tmp_path / "trusted").mkdir()
    assert trust(tmp_path).fault(client.der) is not None
    pem = x509.load_der_x509_certificate(client.der).public_bytes(Encoding.PEM)
    (tmp_path / "trusted" / "client.pem").write_bytes(pem)
    (tmp_path / "trusted" / "broken.der").write_bytes(b"nonsense")
    assert trust(tmp_path).fault(client.der) is None
    assert trust(tmp_path).fault(b"own") is None


def expired() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - datetime.timedelta(days=9))
    signed = made.not_valid_after(now - datetime.timedelta(days=1)).sign(key, hashes.SHA256())
    return signed.public_bytes(Encoding.DER)


def test_an_expired_certificate(tmp_path: Path) -> None:
    fault = trust(tmp_path, trust_all=True).fault(expired())
    assert fault is not None
    assert fault.startswith("its certificate is valid from")
    assert trust(tmp_path, trust_all=True).fault(b"nonsense") == "its certificate cannot be read"


def test_strangers_do_not_fill_the_disk(tmp_path: Path) -> None:
    rejected = tmp_path / "rejected"
    rejected.mkdir()
    for number in range(20):
        (rejected / f"{number}.der").write_bytes(os.urandom(8))
    client = own_certificate(tmp_path / "client", "client", "localhost")
    fault = trust(tmp_path).fault(client.der)
    assert fault is not None
    assert "copy the client's certificate to" in fault
    assert len(list(rejected.iterdir())) == 20
