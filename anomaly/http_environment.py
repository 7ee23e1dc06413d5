"""Variables of the environment that HTTP clients follow: proxies and certificates.

A value that cannot be used is an error with the name of its variable. ``NO_PROXY`` follows curl: names with their
subdomains, addresses, networks such as ``10.0.0.0/8`` or ``fe80::/10``, ``[::1]``, ``host:port``, and ``*``; an entry
that is none of these matches nothing.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Mapping
from typing import Any

import httpx

from anomaly.errors import ConfigError

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
DEFAULT_PORTS = {"http": 80, "https": 443}
_PROXY_HINT = "correct the variable, or name this host in NO_PROXY"


def open_client(
    url: httpx.URL, environ: Mapping[str, str], *, verify: ssl.SSLContext | None = None, **options: Any
) -> httpx.Client:
    """Open a client for the host of one address, with the proxy and the certificates of the environment.

    Args:
        url: the address.
        environ: environment variables.
        verify: certificates to trust; default: those of the environment, else the usual ones.
        options: of ``httpx.Client``.

    Raises:
        ConfigError: a variable cannot be used; its name is the place.
    """
    variable, proxy = proxy_of(url, environ)
    if url.scheme == "https" or proxy.startswith("https://"):
        trusted: ssl.SSLContext | bool = verify or trusted_certificates(environ)
    else:
        trusted = False  # nothing is encrypted, so that no certificates are read
    try:
        return httpx.Client(proxy=proxy or None, verify=trusted, trust_env=False, **options)
    except ImportError as error:
        reason = "names a SOCKS proxy, and the package socksio is not installed"
        raise ConfigError(reason, where=variable, hint=_PROXY_HINT) from error
    except (ValueError, httpx.InvalidURL) as error:
        reason = f"holds an address that cannot be used: {_without_account(str(error), proxy)}"
        raise ConfigError(reason, where=variable, hint=_PROXY_HINT) from error


def proxy_of(url: httpx.URL, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the variable that names a proxy for an address, and the proxy's address; empty if there is none."""
    if url.host in _LOOPBACK:
        return "", ""  # a proxy cannot reach this computer's own addresses
    for name in (f"{url.scheme}_proxy", "all_proxy"):
        # As curl does: HTTP_PROXY in capitals could be the header "Proxy" of a CGI request.
        variables = (name,) if name == "http_proxy" and "REQUEST_METHOD" in environ else (name, name.upper())
        variable = next((one for one in variables if one in environ), None)
        value = environ[variable].strip() if variable is not None else ""
        if variable is not None and value:
            if _is_excepted(url, environ.get("no_proxy") or environ.get("NO_PROXY") or ""):
                return "", ""
            return variable, value if "://" in value else f"http://{value}"
    return "", ""


def trusted_certificates(environ: Mapping[str, str]) -> ssl.SSLContext:
    """Return the certificates of ``SSL_CERT_FILE`` or ``SSL_CERT_DIR``, else those of the package certifi.

    Raises:
        ConfigError: the file or folder cannot be used.
    """
    import certifi

    file, folder = environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR")
    if (fault := certificate_fault(environ)) is not None:
        raise fault
    if file:
        return tls_context("SSL_CERT_FILE", cafile=file)
    if folder:
        return tls_context("SSL_CERT_DIR", capath=folder)
    return tls_context("", cafile=certifi.where())


def certificate_fault(environ: Mapping[str, str]) -> ConfigError | None:
    """Return the error if a variable names a file or folder of certificates that does not exist."""
    for variable, exists in (("SSL_CERT_FILE", os.path.isfile), ("SSL_CERT_DIR", _has_folder)):
        value = environ.get(variable)
        if value and not exists(value):
            return ConfigError(f"there is no {value}", where=variable, hint="correct or unset the variable")
    return None


def tls_context(where: object, *, cafile: str | None = None, capath: str | None = None) -> ssl.SSLContext:
    """Return a context that trusts the certificates of a file or a folder, by default those of the system.

    Args:
        where: place for errors: a variable, or a key with its file.
        cafile: the file.
        capath: the folder.

    Raises:
        ConfigError: they cannot be read, or ``SSLKEYLOGFILE`` cannot be written.
    """
    try:
        return ssl.create_default_context(cafile=cafile, capath=capath)
    except (OSError, ssl.SSLError) as error:
        log = os.environ.get("SSLKEYLOGFILE")
        if log and error.errno is not None and not isinstance(error, ssl.SSLError) and not _is_writable(log):
            raise ConfigError(f"cannot be written: {error}", where="SSLKEYLOGFILE") from error
        raise ConfigError(f"certificates cannot be read: {error}", where=where) from error


def _is_writable(path: str) -> bool:
    try:
        with open(path, "ab"):
            return True
    except OSError:
        return False


def _has_folder(paths: str) -> bool:
    return any(os.path.isdir(path) for path in paths.split(os.pathsep))


def _is_excepted(url: httpx.URL, exceptions: str) -> bool:
    port = url.port or DEFAULT_PORTS.get(url.scheme)
    return any(_matches(entry, url.host, port) for entry in exceptions.replace(",", " ").split())


def _matches(entry: str, host: str, port: int | None) -> bool:
    """Return whether one entry of ``NO_PROXY`` means a host."""
    name = entry.lower().rpartition("://")[2]
    if name == "*":
        return True
    before, colon, after = name.rpartition(":")
    if colon and after.isdigit() and (before.endswith("]") or ":" not in before):
        if int(after) != port:
            return False
        name = before
    name = name.removeprefix("[").removesuffix("]").removeprefix("*").strip(".")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return bool(name) and (host == name or host.endswith(f".{name}"))
    try:
        return address in ipaddress.ip_network(name.replace("]", ""), strict=False)
    except ValueError:
        return False


def _without_account(text: str, proxy: str) -> str:
    """Return the text of an error without the user and password of a proxy."""
    scheme, _, rest = proxy.partition("://")
    return text.replace(proxy, f"{scheme}://{rest.rpartition('@')[2]}")
