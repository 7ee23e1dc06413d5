"""Events and variables of the OPC UA server, as asyncua's client sees them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from asyncua import ua

from anomaly.alerts import AlertMessage, Case
from anomaly.alerts.sinks import LiveSink, OperatorSink, SinkError, StateSink
from anomaly.alerts.sinks.harness import example_message
from anomaly.alerts.sinks.opcua.condition import message_id_of
from anomaly.alerts.sinks.opcua.opcua_sink import OpcUaSink
from anomaly.config import Site
from anomaly.store.cases.case import iso_utc
from anomaly.store.database.rows import UNKNOWN, LiveScore
from support.opcua_client import OpcUaClient
from support.waiting import wait_until

MakeSink = Callable[..., OpcUaSink]
MakeClient = Callable[..., OpcUaClient]
TIME_S = 1_800_000_000.0


def stored(message: AlertMessage, site: Site) -> AlertMessage:
    """Return a message as the store makes it: with the facts of the machine."""
    assert message.case is not None
    return replace(message, case=replace(message.case, asset=site.asset_of(message.machine)))


def after(message: AlertMessage, event: Any, case: Case, seconds: float, **fields: Any) -> AlertMessage:
    """Return a later message about the same case."""
    return AlertMessage(event, case.machine, iso_utc(TIME_S + seconds), case, **fields)


def wait_for_test(sink: OpcUaSink, client: OpcUaClient) -> None:
    """Send a test, and wait for it: all events before it have arrived then."""
    sink.deliver(AlertMessage("test", "pump", iso_utc(TIME_S)))
    wait_until(lambda: client.events[-1].EventType == ua.NodeId(ua.ObjectIds.BaseEventType))


def shown(event: Any) -> tuple[bool, bool, bool]:
    """Return whether an event says active, acknowledged and of interest."""
    fields = vars(event)
    return fields["ActiveState/Id"], fields["AckedState/Id"], event.Retain


def test_protocols(make_sink: MakeSink) -> None:
    sink = make_sink()
    assert isinstance(sink, LiveSink)
    assert isinstance(sink, StateSink)
    assert isinstance(sink, OperatorSink)


def test_the_event_of_a_new_case(listening: OpcUaSink, client: OpcUaClient, site: Site) -> None:
    message = stored(example_message(), site)
    listening.deliver(message)
    (event,) = client.wait_for(1)
    assert shown(event) == (True, False, True)
    assert event.Message.Text == "Pump 1 (Hall 3) does not sound normal."
    assert event.SourceName == "pump"
    assert event.SourceNode == ua.NodeId("pump", 2)
    assert event.NodeId == ua.NodeId("pump/Sound", 2)
    assert event.ConditionName == "Sound"
    assert event.BranchId == ua.NodeId()
    # Minor (1) on a machine of high criticality (3): urgency 3 of 12.
    assert event.Severity == 250
    assert event.Time.isoformat() == "2027-01-15T08:00:00+00:00"
    assert message_id_of(event.EventId) == message.id
    assert listening.last_answer == "a client has confirmed it"


def test_a_case_from_its_beginning_to_its_end(listening: OpcUaSink, client: OpcUaClient) -> None:
    opened = example_message()
    case = opened.case
    assert case is not None
    at = iso_utc(TIME_S + 2)
    acknowledged = case.acknowledged("ann", at)
    worse = replace(acknowledged, severity=3)
    shelved = worse.shelved(iso_utc(TIME_S + 3600))
    steps = [
        opened,
        after(opened, "case.acknowledged", acknowledged, 2, by="ann", note="I look at it"),
        after(opened, "case.escalated", worse, 3),
        after(opened, "case.shelved", shelved, 4, by="bob"),
        after(opened, "case.closed", worse.returned(at), 5),
    ]
    for step in steps:
        listening.deliver(step)
    events = client.wait_for(5)
    assert [shown(event) for event in events] == [
        *((True, False, True), (True, True, True), (True, True, True), (True, True, True)),
        (False, True, False),
    ]
    assert [event.Severity for event in events] == [167, 167, 500, 500, 500]
    assert [event.LastSeverity for event in events][2] == 167
    assert [event.Comment.Text for event in events] == ["", *["I look at it"] * 4]
    assert [event.ClientUserId for event in events] == ["", *["ann"] * 4]
    assert [event.SuppressedOrShelved for event in events] == [False, False, False, True, False]
    assert client.value("pump/Sound/ActiveState/Id") is False
    assert client.value("pump/OpenCases") == 0


def test_the_microphone_has_a_condition_of_its_own(listening: OpcUaSink, client: OpcUaClient) -> None:
    case = Case("pump", "sensor", iso_utc(TIME_S), "silent", evidence={"status": "silent"})
    listening.deliver(AlertMessage("case.opened", "pump", iso_utc(TIME_S), case))
    listening.deliver(example_message())
    microphone, sound = client.wait_for(2)
    assert microphone.NodeId == ua.NodeId("pump/Microphone", 2)
    assert microphone.ConditionClassName.Text == "System"
    assert sound.NodeId == ua.NodeId("pump/Sound", 2)
    assert client.value("pump/OpenCases") == 2


def test_a_repetition_makes_no_second_event(listening: OpcUaSink, client: OpcUaClient) -> None:
    message, other = example_message(), example_message()
    for one in (message, message, other, message):
        listening.deliver(one)
    wait_for_test(listening, client)
    assert [message_id_of(event.EventId) for event in client.alarms()] == [message.id, other.id]


def test_many_cases_of_one_message(listening: OpcUaSink, client: OpcUaClient) -> None:
    cases = [Case(name, "machine", iso_utc(TIME_S), "bad") for name in ("pump", "fan")]
    message = replace(example_message(), group=tuple(cases))
    listening.deliver(message)
    listening.deliver(message)
    wait_for_test(listening, client)
    assert [event.SourceName for event in client.alarms()] == ["pump", "fan"]
    assert {message_id_of(event.EventId) for event in client.alarms()} == {message.id}


def test_a_test_is_no_condition(listening: OpcUaSink, client: OpcUaClient) -> None:
    listening.deliver(AlertMessage("test", "pump", iso_utc(TIME_S)))
    wait_until(lambda: client.events)
    (event,) = client.events
    assert event.EventType == ua.NodeId(ua.ObjectIds.BaseEventType)
    assert event.Message.Text.startswith("This is a test.")
    assert client.refresh() == "Good"
    wait_until(lambda: len(client.events) == 3)
    assert client.alarms() == []


def test_in_german(make_sink: MakeSink, make_client: MakeClient) -> None:
    sink = make_sink(language="de")
    sink.publish_open_cases([])
    client = make_client()
    client.connect()
    client.subscribe()
    sink.deliver(example_message())
    (event,) = client.wait_for(1)
    assert event.Message == ua.LocalizedText("Pump 1 (Hall 3) klingt nicht normal.", "de")


def test_without_a_client(listening: OpcUaSink, make_client: MakeClient) -> None:
    message = example_message()
    with pytest.raises(SinkError, match="no client has subscribed to events") as caught:
        listening.deliver(message)
    assert not caught.value.permanent
    client = make_client()
    client.connect()
    client.subscribe()
    listening.deliver(message)
    client.wait_for(1)


def test_without_waiting_for_a_client(make_sink: MakeSink, make_client: MakeClient) -> None:
    sink = make_sink(wait_for_client=False)
    sink.deliver(example_message())
    assert sink.last_answer.startswith("shown at opc.tcp://127.0.0.1:")
    client = make_client()
    client.connect()
    assert client.value("pump/Sound/ActiveState/Id") is True


def test_a_client_that_comes_back_gets_what_it_has_missed(
    listening: OpcUaSink, client: OpcUaClient, make_client: MakeClient
) -> None:
    client.drop()
    message = example_message()
    with pytest.raises(SinkError, match="no client has confirmed the event in time"):
        listening.deliver(message)
    again = make_client()
    again.connect()
    again.subscribe()
    listening.deliver(message)
    assert [message_id_of(event.EventId) for event in again.wait_for(1)] == [message.id]


def test_a_notification_that_is_asked_for_again(listening: OpcUaSink, client: OpcUaClient) -> None:
    listening.deliver(example_message())
    client.wait_for(1)
    client.ask_for_nothing()
    message = example_message()
    with pytest.raises(SinkError, match="no client has confirmed the event in time"):
        listening.deliver(message)
    # The library's own request, which it does not wait for any more, has got the event.
    again = client.republish(2)
    (event,) = again.NotificationData[0].Events
    assert message.id in {message_id_of(field.Value) for field in event.EventFields if is_event_id(field)}
    client.confirm(2)
    listening.deliver(message)


def is_event_id(field: ua.Variant) -> bool:
    return isinstance(field.Value, bytes) and len(field.Value) == 32


def test_subscribers_of_one_machine_and_of_the_site(listening: OpcUaSink, make_client: MakeClient) -> None:
    one, site = make_client(), make_client()
    for client, node in ((one, ua.NodeId("pump", 2)), (site, ua.NodeId(1, 2))):
        client.connect()
        client.subscribe(nodes=(node,))
    listening.deliver(example_message())
    other = example_message(case=Case("fan", "machine", iso_utc(TIME_S), "bad"))
    listening.deliver(other)
    site.wait_for(2)
    one.wait_for(1)
    assert [event.SourceName for event in one.alarms()] == ["pump"]


def test_what_every_filter_keeps_out_counts_as_delivered(
    listening: OpcUaSink, make_client: MakeClient
) -> None:
    client = make_client()
    client.connect()
    severe = ua.ContentFilterElement(
        FilterOperator=ua.FilterOperator.GreaterThanOrEqual,
        FilterOperands=[
            ua.SimpleAttributeOperand(
                BrowsePath=[ua.QualifiedName("Severity", 0)], AttributeId=ua.AttributeIds.Value
            ),
            ua.LiteralOperand(Value=ua.Variant(600, ua.VariantType.UInt16)),
        ],
    )
    client.subscribe(where=ua.ContentFilter(Elements=[severe]))
    listening.deliver(example_message())
    urgent = example_message()
    assert urgent.case is not None
    listening.deliver(
        replace(urgent, case=replace(urgent.case, severity=3, asset={"criticality": "critical"}))
    )
    (event,) = client.wait_for(1)
    assert event.Severity == 1000


def test_variables(listening: OpcUaSink, client: OpcUaClient) -> None:
    assert client.value("pump/State") == "UNKNOWN"
    assert client.data("pump/Score").StatusCode.name == "BadWaitingForInitialData"
    listening.publish_score(LiveScore("pump", TIME_S, 7, 4.5, 1e-5, "ALARM", "ok", "running"))
    wait_until(lambda: client.value("pump/State") == "ALARM")
    wait_until(lambda: client.value("pump/LastSound") is not None)
    found = {name: client.value(f"pump/{name}") for name in ("StateNumber", "Score", "PValue", "SensorState")}
    assert found == {"StateNumber": 2, "Score": 4.5, "PValue": 1e-5, "SensorState": "ok"}
    assert client.value("pump/OperatingState") == "running"
    assert client.value("pump/LastSound").timestamp() == TIME_S
    assert client.data("pump/State").StatusCode.is_good()
    assert [text.Text for text in client.value("pump/StateNumber/EnumStrings")][2] == "ALARM"


@pytest.mark.parametrize(("sensor", "status"), [("silent", "BadSensorFailure"), (None, "BadNoCommunication")])
def test_what_is_not_known_has_a_bad_status(
    listening: OpcUaSink, client: OpcUaClient, sensor: str | None, status: str
) -> None:
    listening.publish_score(LiveScore("pump", TIME_S, 7, None, None, UNKNOWN, sensor))
    wait_until(lambda: client.data("pump/Score").StatusCode.name == status)
    assert client.data("pump/State").StatusCode.name == "Uncertain"
    assert client.value("pump/State") == "UNKNOWN"


def test_scores_from_before_the_server_listens(make_sink: MakeSink, make_client: MakeClient) -> None:
    sink = make_sink()
    sink.publish_score(LiveScore("pump", TIME_S, 7, 0.5, 0.5, "OK"))
    sink.publish_open_cases([])
    client = make_client()
    client.connect()
    wait_until(lambda: client.value("pump/State") == "OK")


def test_facts_of_a_machine(listening: OpcUaSink, client: OpcUaClient) -> None:
    facts = [client.value(f"pump/{name}") for name in ("Location", "AssetNumber", "Criticality")]
    assert facts == ["Hall 3", "A-17", "high"]
    node = client.client.get_node(ua.NodeId("pump", 2))
    assert client.run(node.read_display_name()).Text == "Pump 1"


def test_nobody_can_write(listening: OpcUaSink, client: OpcUaClient) -> None:
    node = client.client.get_node(ua.NodeId("pump/State", 2))
    with pytest.raises(ua.UaStatusCodeError, match="BadUserAccessDenied"):
        client.run(node.write_value("OK"))


def test_an_address_that_is_in_use(listening: OpcUaSink, make_sink: MakeSink) -> None:
    second = make_sink(name="second")
    with pytest.raises(SinkError, match=r"cannot listen at 127.0.0.1:\d+: Address already in use"):
        second.publish_open_cases([])
    with pytest.raises(SinkError, match="cannot listen"):
        second.deliver(example_message())
    listening.close()
    second.publish_open_cases([])
