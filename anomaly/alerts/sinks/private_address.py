"""Addresses that alerts may be sent to: public ones, and those of the own network only where the site file allows it.

A site file that writes ``localhost`` or a loopback address names this computer itself, which allows it: nobody but its
author chose that. A *name* that leads to this computer needs ``allow_private``, like any other private address.

A name is resolved once for each request, every address is checked, and the request goes to an address that was checked:
a name that leads elsewhere a moment later (DNS rebinding) reaches nothing.
"""

from __future__ import annotations

import ipaddress
import socket

from anomaly.alerts.sinks.sink import SinkError, plain_reason

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
HINT = "add allow_private: true to the sink if the receiver stands in your own network"
# Metadata services of cloud providers give credentials to whoever asks from inside: no receiver of alerts is there.
_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in (
        *("169.254.169.254", "169.254.170.2", "169.254.170.23", "100.100.100.200", "192.0.0.192"),
        *("168.63.129.16", "fd00:ec2::254", "fd00:ec2::23"),
    )
)
# IPv6 addresses that stand for one of IPv4: translated by the network (RFC 6052), and compatible ones (RFC 4291).
_TRANSLATED = tuple(ipaddress.IPv6Network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96"))
_MOST_ADDRESSES = 4


def fault_of(address: Address, *, allow_private: bool) -> str | None:
    """Return why no alert is sent to an address; None if it may be."""
    meant = _embedded(address)
    if meant in _METADATA:
        return "is that of a metadata service"
    if meant.is_multicast:
        return "is one of many receivers"
    # Not only the networks of RFC 1918: loopback, link-local, shared and reserved ones are not global either.
    if not allow_private and not meant.is_global:
        return "is a private one"
    return None


def literal_fault(host: str, *, allow_private: bool) -> str | None:
    """Return why no alert is sent to a host that is written as an address; None if it may be, or is a name."""
    if is_this_computer(host):
        return None
    try:
        return fault_of(_address(host), allow_private=allow_private)
    except ValueError:
        return None


def is_this_computer(host: str) -> bool:
    """Return whether a host is written as ``localhost`` or as a loopback address."""
    plain = host.lower().rstrip(".")
    if plain == "localhost" or plain.endswith(".localhost"):
        return True
    try:
        return _embedded(_address(host)).is_loopback
    except ValueError:
        return False


def checked_addresses(host: str, port: int, where: str, *, allow_private: bool) -> list[str]:
    """Resolve a host; return its addresses if all of them may be sent to.

    Args:
        host: name or address.
        port: of the receiver.
        where: the sink, for errors.
        allow_private: loopback, private and link-local addresses may be.

    Raises:
        SinkError: the name has no address, or one that is not allowed.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SinkError(f"cannot be reached: {plain_reason(error)}", where=where) from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    own = is_this_computer(host)
    for text in addresses:
        loopback = own and _embedded(_address(text)).is_loopback
        fault = fault_of(_address(text), allow_private=allow_private or loopback)
        if fault is not None:
            raise SinkError(f"its address {text} {fault}: nothing is sent there", where=where, hint=HINT)
    return addresses[:_MOST_ADDRESSES]


def _address(text: str) -> Address:
    # An address of one link carries the name of its interface.
    return ipaddress.ip_address(text.partition("%")[0])


def _embedded(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inside = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    if inside is None and int(address) > 1 and any(address in network for network in _TRANSLATED):
        inside = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address if inside is None else inside
