"""Chaos benchmark of alerts: its count sees each kind of fault, its proxy makes them, and a short run finds none."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import alerts_chaos as bench
from anomaly.alerts import DATABASE_NAME, Case, Store, iso_utc
from anomaly.alerts.webhook_receiver import WebhookReceiver
from lib.alerts.chaos_count import count
from lib.alerts.chaos_sinks import KINDS
from lib.alerts.flaky_proxy import FlakyProxy

Message = Mapping[str, Any]


class Side:
    """Receiver with the messages of the test."""

    kind = "test"
    port = 0
    keyed = True
    doubled = 0

    def __init__(self, messages: Sequence[Message]) -> None:
        self.messages = list(messages)

    def __enter__(self) -> Side:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / DATABASE_NAME) as opened:
        for number, machine in enumerate(("pump", "fan")):
            case = Case(machine, "machine", iso_utc(1e9 + number), "bad")
            opened.cases.open(case)
            for text in ("one", "two"):
                opened.cases.comment(case.id, text, "ann")
        yield opened


def queued(store: Store) -> list[dict[str, Any]]:
    with store.database.reading() as connection:
        return [json.loads(row["body"]) for row in connection.execute("SELECT body FROM outbox ORDER BY id")]


def counts(store: Store, got: Sequence[Message], reported: Sequence[str] = ()) -> dict[str, Any]:
    totals, sinks = count(store, [Side(got)], reported)
    assert totals["lost"] >= sinks["test"]["lost"]
    return totals


def test_all_in_order_is_no_fault(store: Store) -> None:
    sent = queued(store)
    assert counts(store, [*sent, sent[-1]]) == {
        **{"events": 6, "lost": 0, "doubled": 0, "out_of_order": 0, "repeated": 1}
    }
    # Messages of different cases may overtake.
    assert counts(store, [*sent[3:], *sent[:3]])["out_of_order"] == 0


def test_each_kind_of_fault_is_counted(store: Store) -> None:
    sent = queued(store)
    assert counts(store, sent[1:])["lost"] == 1
    assert counts(store, [sent[1], sent[0], *sent[2:]])["out_of_order"] == 1
    assert counts(store, [*sent, {**sent[0], "id": "another"}])["doubled"] == 1
    case = sent[0]["case"]["id"]
    assert counts(store, sent, [case] * 3)["lost"] == 0
    assert counts(store, sent, [case] * 4)["lost"] == 1


def answer(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 5.0) as client:
        client.settimeout(1.0)
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
        return client.recv(4096)


def test_the_proxy_passes_refuses_and_hangs() -> None:
    with WebhookReceiver() as receiver, FlakyProxy(receiver.port) as proxy:
        assert b"400" in answer(proxy.port).splitlines()[0]
        proxy.set_mode("hang")
        with pytest.raises(TimeoutError):
            answer(proxy.port)
        proxy.set_mode("refuse")
        with suppress(ConnectionError):
            assert answer(proxy.port) == b""
        proxy.set_mode("up")
        assert b"400" in answer(proxy.port).splitlines()[0]


def test_a_short_run_finds_no_fault(tmp_path: Path) -> None:
    found = bench.chaos(tmp_path, 40, 2, 5)
    assert {name: found[name] for name in ("kills", "lost", "doubled", "out_of_order")} == {
        **{"kills": 2, "lost": 0, "doubled": 0, "out_of_order": 0}
    }
    assert found["events"] >= 40
    assert set(found["sinks"]) == set(KINDS)


def test_receivers_that_know_no_keys(store: Store) -> None:
    """A repetition that a kill explains is none too many; work orders are counted by the receiver."""
    side = Side([{"id": message["id"]} for message in [*queued(store), *queued(store)[:2]]])
    side.keyed = False
    for disturbances, doubled in ((0, 2), (1, 1), (2, 0), (9, 0)):
        totals, sinks = count(store, [side], (), {"test": disturbances})
        assert (totals["doubled"], sinks["test"]["repeated"], totals["lost"]) == (doubled, 2, 0)
    side.keyed, side.doubled = True, 3
    assert count(store, [side], ())[0]["doubled"] == 3
