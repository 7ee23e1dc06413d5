"""Kinds of sinks by name: built-in ones, those of other packages, and packages that are broken."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anomaly.errors import ConfigError
from anomaly.sink_kinds import load_sink_kind, package_of, sink_kind_entry_point, sink_kind_names

Install = Callable[..., object]
BUILT_IN = ("webhook", "mqtt", "alertmanager", "cmms", "syslog", "email", "apprise", "opcua", "sparkplug")


def test_built_in_kinds() -> None:
    assert sink_kind_names() == BUILT_IN
    assert package_of(sink_kind_entry_point("mqtt")) == "anomaly"


def test_kinds_of_other_packages_follow(install_package: Install) -> None:
    install_package(
        "two-kinds", "B = 1\nA = 2\n", "[anomaly.sinks]\npager = two_kinds:B\nchat = two_kinds:A\n"
    )
    assert sink_kind_names() == (*BUILT_IN, "chat", "pager")
    assert (load_sink_kind("chat"), load_sink_kind("pager")) == (2, 1)
    assert package_of(sink_kind_entry_point("chat")) == "two-kinds"


def test_unknown_kind() -> None:
    with pytest.raises(ConfigError, match="there is no kind of sink 'fax'") as caught:
        load_sink_kind("fax")
    assert caught.value.hint == f"kinds: {', '.join(BUILT_IN)}"


def test_a_built_in_kind_cannot_be_replaced(install_package: Install) -> None:
    install_package("other-mqtt", "KIND = 1\n", "[anomaly.sinks]\nmqtt = other_mqtt:KIND\n")
    assert sink_kind_names() == BUILT_IN
    assert load_sink_kind("mqtt") != 1


def test_two_packages_with_one_kind(install_package: Install) -> None:
    install_package("one-chat", "KIND = 1\n", "[anomaly.sinks]\nchat = one_chat:KIND\n")
    install_package("other-chat", "KIND = 1\n", "[anomaly.sinks]\nchat = other_chat:KIND\n")
    with pytest.raises(ConfigError, match="one-chat, other-chat: several packages register") as caught:
        load_sink_kind("chat")
    assert caught.value.hint == "uninstall all but one"


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("raise RuntimeError('no licence')\n", "RuntimeError: no licence"),
        ("", "AttributeError"),
        ("(", "SyntaxError"),
    ],
)
def test_a_package_that_cannot_be_loaded(install_package: Install, source: str, error: str) -> None:
    install_package("bad-chat", source, "[anomaly.sinks]\nchat = bad_chat:KIND\n")
    with pytest.raises(ConfigError, match=f"bad-chat: the kind of sink 'chat' cannot be loaded: {error}"):
        load_sink_kind("chat")
