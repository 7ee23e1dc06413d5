"""Calls of clients: Acknowledge, AddComment and ConditionRefresh, against a store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua

from anomaly.alerts import DATABASE_NAME, Case, Dispatcher, RetryPolicy, Store
from anomaly.alerts.sinks.harness import example_case
from anomaly.alerts.sinks.opcua.opcua_sink import OpcUaSink
from anomaly.store.cases.case import CaseState
from support.opcua_client import (
    ADD_COMMENT,
    CONDITION_REFRESH,
    CONDITION_REFRESH2,
    CONDITION_TYPE,
    OpcUaClient,
)
from support.waiting import wait_until

MakeSink = Callable[..., OpcUaSink]
MakeClient = Callable[..., OpcUaClient]
QUICK = RetryPolicy(first_s=0.05, longest_s=0.2)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "state" / DATABASE_NAME) as opened:
        yield opened


@pytest.fixture
def dispatcher(store: Store, listening: OpcUaSink) -> Iterator[Dispatcher]:
    with Dispatcher(store, [listening], retry=QUICK, poll_s=0.02) as running:
        yield running


@pytest.fixture
def event(store: Store, dispatcher: Dispatcher, client: OpcUaClient) -> Any:
    """The event of a new case."""
    store.cases.open(example_case("pump"))
    (found,) = client.wait_for(1)
    return found


def the_case(store: Store) -> Case:
    (case,) = store.cases.select()
    return case


def test_acknowledge(store: Store, client: OpcUaClient, event: Any) -> None:
    assert client.acknowledge(event, "I look at it") == "Good"
    case = the_case(store)
    assert (case.state, case.acknowledged_by) == (CaseState.ACTIVE_ACKNOWLEDGED, "ann")
    assert client.value("pump/Sound/AckedState/Id") is True
    acknowledged = client.wait_for(2)[1]
    assert vars(acknowledged)["AckedState/Id"] is True
    assert (acknowledged.ClientUserId, acknowledged.Comment.Text) == ("ann", "I look at it")
    detail = store.history.events(case_id=case.id)[-1].detail
    assert detail == {"by": "ann", "note": "I look at it"}


def test_acknowledge_twice(client: OpcUaClient, event: Any) -> None:
    assert client.acknowledge(event) == "Good"
    assert client.acknowledge(event) == "BadConditionBranchAlreadyAcked"
    assert client.acknowledge(client.wait_for(2)[1]) == "BadConditionBranchAlreadyAcked"


def test_a_case_that_was_acknowledged_elsewhere(store: Store, client: OpcUaClient, event: Any) -> None:
    store.cases.acknowledge(the_case(store).id, "bob")
    client.wait_for(2)
    assert client.acknowledge(event) == "BadConditionBranchAlreadyAcked"


@pytest.mark.parametrize("event_id", [b"", b"x" * 32, b"x" * 16, None])
def test_a_wrong_event(store: Store, client: OpcUaClient, event: Any, event_id: bytes | None) -> None:
    event.EventId = event_id
    assert client.acknowledge(event) == "BadEventIdUnknown"
    assert the_case(store).state == CaseState.ACTIVE_UNACKNOWLEDGED


def test_the_event_of_an_earlier_case(store: Store, client: OpcUaClient, event: Any) -> None:
    store.cases.close(the_case(store).id)
    store.cases.open(example_case("pump"))
    client.wait_for(3)
    assert client.acknowledge(event) == "BadEventIdUnknown"
    assert client.acknowledge(client.alarms()[2]) == "Good"


def test_wrong_arguments(client: OpcUaClient, event: Any) -> None:
    acknowledge = ua.NodeId(ua.ObjectIds.AcknowledgeableConditionType_Acknowledge)
    event_id = ua.Variant(event.EventId, ua.VariantType.ByteString)
    assert client.call(event.NodeId, acknowledge, event_id) == "BadArgumentsMissing"
    assert client.call(event.NodeId, acknowledge, event_id, ua.Variant(1)) == "BadInvalidArgument"
    text = ua.Variant(ua.LocalizedText(""))
    assert client.call(ua.NodeId("pump", 2), acknowledge, event_id, text) == "BadNodeIdInvalid"
    assert client.call(ua.NodeId("nothing", 2), acknowledge, event_id, text) == "BadNodeIdInvalid"


def test_comment(store: Store, client: OpcUaClient, event: Any) -> None:
    assert client.acknowledge(event, "A bolt is loose", ADD_COMMENT) == "Good"
    commented = client.wait_for(2)[1]
    assert (commented.ClientUserId, commented.Comment.Text) == ("ann", "A bolt is loose")
    assert the_case(store).state == CaseState.ACTIVE_UNACKNOWLEDGED
    assert client.acknowledge(event, " ", ADD_COMMENT) == "BadInvalidArgument"


def test_an_anonymous_client_may_only_read(
    store: Store, make_sink: MakeSink, make_client: MakeClient
) -> None:
    sink = make_sink(anonymous=True)
    with Dispatcher(store, [sink], retry=QUICK, poll_s=0.02):
        wait_until(lambda: sink._thread.is_running)
        client = make_client(user=None)
        client.connect()
        client.subscribe()
        store.cases.open(example_case("pump"))
        (event,) = client.wait_for(1)
        assert client.acknowledge(event) == "BadUserAccessDenied"
    assert the_case(store).state == CaseState.ACTIVE_UNACKNOWLEDGED


def test_refresh(store: Store, client: OpcUaClient, event: Any, make_client: MakeClient) -> None:
    store.cases.open(example_case("fan"))
    store.cases.close(store.cases.open(example_case("saw")).id)
    client.wait_for(4)
    late = make_client(user="bob", password="other")
    late.connect()
    late.subscribe()
    assert late.refresh() == "Good"
    wait_until(lambda: len(late.events) == 4)
    begin, *retained, end = late.events
    assert begin.EventType == ua.NodeId(ua.ObjectIds.RefreshStartEventType)
    assert end.EventType == ua.NodeId(ua.ObjectIds.RefreshEndEventType)
    assert [one.SourceName for one in retained] == ["pump", "fan"]
    assert retained[0].EventId == event.EventId
    assert len(client.alarms()) == 4
    assert late.acknowledge(retained[0]) == "Good"
    assert {case.acknowledged_by for case in store.cases.select(machine="pump")} == {"bob"}


def test_refresh_of_another_client(client: OpcUaClient, event: Any, make_client: MakeClient) -> None:
    other = make_client()
    other.connect()
    number = ua.Variant(client.subscription.subscription_id, ua.VariantType.UInt32)
    assert other.call(CONDITION_TYPE, CONDITION_REFRESH, number) == "BadSubscriptionIdInvalid"
    nothing = ua.Variant(12345, ua.VariantType.UInt32)
    assert other.call(CONDITION_TYPE, CONDITION_REFRESH, nothing) == "BadSubscriptionIdInvalid"
    assert client.call(CONDITION_TYPE, CONDITION_REFRESH) == "BadInvalidArgument"
    assert client.call(CONDITION_TYPE, CONDITION_REFRESH2, number, nothing) == "BadMonitoredItemIdInvalid"


def test_refresh_of_one_item(client: OpcUaClient, event: Any) -> None:
    number = ua.Variant(client.subscription.subscription_id, ua.VariantType.UInt32)
    (monitored,) = client.subscription._monitored_items.values()
    item = ua.Variant(monitored.server_handle, ua.VariantType.UInt32)
    before = len(client.events)
    assert client.call(CONDITION_TYPE, CONDITION_REFRESH2, number, item) == "Good"
    wait_until(lambda: len(client.events) == before + 3)
    assert client.events[before + 1].EventId == event.EventId


def test_open_cases_are_active_again_after_a_restart(
    store: Store, make_sink: MakeSink, make_client: MakeClient
) -> None:
    case = store.cases.open(example_case("pump"))
    client = make_client()

    def run(check: Callable[[], None]) -> None:
        sink = make_sink()
        with Dispatcher(store, [sink], retry=QUICK, poll_s=0.02) as running:
            wait_until(lambda: sink._thread.is_running)
            client.events.clear()
            client.connect()
            client.subscribe()
            assert running.drain(10)
            check()
            client.disconnect()

    run(lambda: None)
    before = client.alarms()[0]

    def check() -> None:
        assert client.alarms() == []
        assert client.value("pump/Sound/ActiveState/Id") is True
        assert client.value("pump/Sound/Retain") is True
        assert client.refresh() == "Good"
        (again,) = client.wait_for(1)
        assert (vars(again)["ActiveState/Id"], vars(again)["AckedState/Id"]) == (True, False)
        # The event from before the restart still says which case is meant.
        assert client.acknowledge(before) == "Good"

    run(check)
    stored = store.cases.get(case.id)
    assert stored is not None
    assert stored.acknowledged_by == "ann"


def test_a_change_without_a_message_has_an_event(store: Store, client: OpcUaClient, event: Any) -> None:
    case = the_case(store)
    store.cases.shelve(case.id, 3600, "bob")
    client.wait_for(2)
    # Held back while the case is shelved.
    store.cases.acknowledge(case.id, "bob")
    wait_until(lambda: len(client.alarms()) == 3, 20)
    assert vars(client.alarms()[2])["AckedState/Id"] is True
