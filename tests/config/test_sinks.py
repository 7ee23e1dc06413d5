"""Section ``sinks:`` with the kinds of other packages: their models, lines of errors, names and schema."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from anomaly.config import Sinks, Site, load_site, site_schema
from anomaly.errors import ConfigError

ENTRY_POINTS = "[anomaly.sinks]\nchat = acme_chat:CHAT\n"
SOURCE = """\
from typing import NamedTuple

from pydantic import Field, model_validator

from anomaly.config import Location, SinkConfig, Text


class ChatConfig(SinkConfig):
    "A chat room."

    room: Text = Field(description="name of the room")
    colour: str = Field(default="red", description="colour of the message")
    token_file: Location | None = Field(default=None, description="file with the token")

    @model_validator(mode="after")
    def _plain(self):
        if self.colour == "ultraviolet":
            raise ValueError("nobody can see this colour")
        return self


class Declaration(NamedTuple):
    description: str
    config: type


CHAT = Declaration("chat rooms", ChatConfig)
NO_MODEL = Declaration("chat rooms", dict)
NO_DECLARATION = ChatConfig
"""
BUILT_IN = ("webhook", "mqtt", "alertmanager", "cmms", "syslog", "email", "apprise", "opcua", "sparkplug")
Install = Callable[..., Path]


@pytest.fixture
def chat(install_package: Install) -> None:
    install_package("acme-chat", SOURCE, ENTRY_POINTS)


def load(tmp_path: Path, text: str) -> Site:
    path = tmp_path / "site.yaml"
    path.write_text(text)
    return load_site(path, {})


def test_a_kind_of_another_package_is_read(chat: None, tmp_path: Path) -> None:
    text = "sinks:\n  mqtt: [{name: a, host: b}]\n  chat:\n    - {name: c, room: hall, token_file: token}\n"
    site = load(tmp_path, text)
    assert [(entry.kind, entry.number, entry.config.name) for entry in site.sinks] == [
        ("mqtt", 0, "a"),
        ("chat", 0, "c"),
    ]
    settings = site.sinks.root["chat"][0].model_dump(exclude={"delivery"})
    assert settings == {"name": "c", "room": "hall", "colour": "red", "token_file": tmp_path / "token"}
    assert site.model_dump(mode="json")["sinks"]["chat"][0]["room"] == "hall"


@pytest.mark.parametrize(
    ("lines", "place", "words"),
    [
        ("    - {name: c}\n", "3: sinks.chat.0", "room is missing"),
        (
            "    - {name: c, room: a}\n    - {name: d, room: b, colr: x}\n",
            "4: sinks.chat.1.colr",
            "did you mean colour?",
        ),
        ("    - {name: c, room: a, colour: ultraviolet}\n", "3: sinks.chat.0", "nobody can see this colour"),
        ("    - {name: ../c, room: a}\n", "3: sinks.chat.0.name", "is no machine name"),
        ("    - c\n", "3: sinks.chat.0", "must be a mapping of keys to values"),
        ("    room: a\n", "2: sinks.chat", "must be a list"),
    ],
)
def test_errors_name_the_line(chat: None, tmp_path: Path, lines: str, place: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"sinks:\n  chat:\n{lines}")
    assert str(caught.value.where).endswith(f"site.yaml:{place}")
    assert words in caught.value.message


def test_errors_of_all_kinds_are_listed_at_once(chat: None, tmp_path: Path) -> None:
    text = "sinks:\n  chat: [{name: c}]\n  mqtt: [{name: a}]\n  fax: []\nstate: x\n"
    with pytest.raises(ConfigError, match="room is missing") as caught:
        load(tmp_path, text)
    assert str(caught.value.hint).splitlines() == [
        "also line 3: sinks.mqtt.0: host is missing",
        "  also line 4: sinks.fax: unknown kind of sink (known: "
        "alertmanager, apprise, chat, cmms, email, mqtt, opcua, sparkplug, syslog, webhook)",
        "  also line 5: state: unknown key (did you mean state_dir?)",
    ]


def test_a_kind_that_is_misspelt(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError,
        match="did you mean webhook\\? known: alertmanager, apprise, cmms, email, mqtt, opcua, sparkplug,"
        " syslog, webhook",
    ):
        load(tmp_path, "sinks:\n  webhooks: []\n")


def test_names_differ_over_all_kinds(chat: None, tmp_path: Path) -> None:
    text = "sinks:\n  webhook: [{name: a, url: b}]\n  chat: [{name: a, room: hall}]\n"
    with pytest.raises(ConfigError, match=r"two sinks have the name 'a': webhook\.0 and this one") as caught:
        load(tmp_path, text)
    assert str(caught.value.where).endswith(":3: sinks.chat.0.name")


def test_the_schema_covers_the_kind(chat: None) -> None:
    schema = site_schema()
    kinds = schema["$defs"]["Sinks"]["properties"]
    assert set(kinds) == {*BUILT_IN, "chat"}
    assert kinds["chat"]["description"] == "chat rooms"
    assert schema["$defs"]["ChatConfig"]["required"] == ["name", "room"]


def test_a_package_is_imported_only_when_it_is_used(install_package: Install, tmp_path: Path) -> None:
    install_package("acme-chat", "raise RuntimeError('imported')\n", ENTRY_POINTS)
    assert load(tmp_path, "sinks:\n  mqtt: [{name: a, host: b}]\n").sinks.names == ["a"]
    with pytest.raises(ConfigError, match="RuntimeError: imported") as caught:
        load(tmp_path, "sinks:\n  chat: [{name: a, room: b}]\n")
    assert str(caught.value.where).endswith(":2: sinks.chat")


@pytest.mark.parametrize("name", ["NO_MODEL", "NO_DECLARATION"])
def test_an_entry_point_to_something_else(install_package: Install, tmp_path: Path, name: str) -> None:
    install_package("acme-chat", SOURCE, f"[anomaly.sinks]\nchat = acme_chat:{name}\n")
    with pytest.raises(ConfigError, match="is not a SinkKind with a model derived from SinkConfig"):
        load(tmp_path, "sinks:\n  chat: [{name: a, room: b}]\n")


def test_no_sinks() -> None:
    assert Sinks().names == []
    assert Sinks() == Site().sinks
    assert Sinks().model_dump() == dict.fromkeys(BUILT_IN, ())
