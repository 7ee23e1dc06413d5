"""Proxies, exceptions and certificates of the environment: followed, or an error with the name of the variable."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from anomaly.errors import ConfigError
from anomaly.http_environment import certificate_fault, open_client, proxy_of, tls_context

PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("url", "exceptions", "excepted"),
    [
        ("http://plant.example/x", "", False),
        ("http://plant.example/x", "plant.example", True),
        ("http://hook.plant.example/x", "plant.example", True),
        ("http://hook.plant.example/x", ".plant.example", True),
        ("http://hook.plant.example/x", "*.plant.example", True),
        ("http://otherplant.example/x", "plant.example", False),
        ("http://plant.example/x", "localhost, PLANT.example", True),
        ("http://plant.example:81/x", "plant.example:80", False),
        ("http://plant.example/x", "plant.example:80", True),
        ("http://plant.example/x", "http://plant.example", True),
        ("http://10.1.2.3/x", "10.0.0.0/8", True),
        ("http://11.1.2.3/x", "10.0.0.0/8", False),
        ("http://10.1.2.3/x", "10.1.2.3", True),
        ("http://[fe80::1]/x", "localhost,fe80::/10", True),
        ("http://[fd00::1]/x", "fe80::/10,[fd00::1]", True),
        ("http://[fd00::1]/x", "[fd00::1]:80", True),
        ("http://[fd00::2]/x", "[fd00::1]", False),
        ("http://plant.example/x", "*", True),
        ("http://plant.example/x", "[::1], [, ], :, 10.0.0.0/99, ///", False),
        ("http://localhost/x", "", True),
        ("http://[::1]/x", "", True),
    ],
)
def test_exceptions(url: str, exceptions: str, excepted: bool) -> None:
    environ = {"HTTP_PROXY": PROXY, "NO_PROXY": exceptions}
    assert proxy_of(httpx.URL(url), environ) == (("", "") if excepted else ("HTTP_PROXY", PROXY))


def test_which_variable_counts() -> None:
    url = httpx.URL("https://plant.example")
    assert proxy_of(url, {"HTTP_PROXY": PROXY}) == ("", "")
    assert proxy_of(url, {"ALL_PROXY": PROXY, "https_proxy": "inner:1"}) == ("https_proxy", "http://inner:1")
    assert proxy_of(url, {"HTTPS_PROXY": PROXY, "https_proxy": "", "all_proxy": "outer"}) == (
        "all_proxy",
        "http://outer",
    )
    plain = httpx.URL("http://plant.example")
    assert proxy_of(plain, {"HTTP_PROXY": PROXY, "REQUEST_METHOD": "GET"}) == ("", "")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HTTP_PROXY", "http://proxy:port"),
        ("HTTP_PROXY", "gopher://proxy:70"),
        ("ALL_PROXY", "socks4://user:hunter2@proxy:1080"),
        ("http_proxy", "http://user:hunter2@[::1"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(variable: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_client(httpx.URL("http://plant.example"), {variable: value})
    assert caught.value.where == variable
    assert "hunter2" not in str(caught.value)
    open_client(httpx.URL("http://127.0.0.1"), {variable: value}).close()


def test_a_socks_proxy_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def client(**_: object) -> httpx.Client:
        raise ImportError("no socksio")

    monkeypatch.setattr(httpx, "Client", client)
    with pytest.raises(ConfigError, match=r"ALL_PROXY: .*socksio"):
        open_client(httpx.URL("http://plant.example"), {"ALL_PROXY": "socks5h://127.0.0.1:1080"})


def test_certificates_are_needed_only_for_encryption(tmp_path: Path) -> None:
    environ = {"SSL_CERT_FILE": str(tmp_path / "none.pem")}
    open_client(httpx.URL("http://plant.example"), environ).close()
    with pytest.raises(ConfigError, match="SSL_CERT_FILE: there is no"):
        open_client(httpx.URL("https://plant.example"), environ)
    assert certificate_fault({}) is None
    (tmp_path / "none.pem").write_text("no certificate")
    with pytest.raises(ConfigError, match="SSL_CERT_FILE: certificates cannot be read"):
        open_client(httpx.URL("https://plant.example"), environ)
    assert certificate_fault({"SSL_CERT_DIR": str(tmp_path / "none")}) is not None
    open_client(httpx.URL("https://plant.example"), {"SSL_CERT_DIR": str(tmp_path)}).close()


def test_a_key_log_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "none" / "keys"))
    with pytest.raises(ConfigError, match="SSLKEYLOGFILE: cannot be written"):
        tls_context("webhook plant")
