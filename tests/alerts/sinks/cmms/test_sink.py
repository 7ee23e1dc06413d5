"""Work orders: one per case in each system, whatever fails on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from anomaly.alerts import AlertMessage
from anomaly.alerts.sinks import AnsweringSink, Sink, SinkContext, SinkError
from anomaly.alerts.sinks.cmms.kind import CmmsConfig, build, probe
from anomaly.alerts.sinks.cmms.presets import PRESET_NAMES
from anomaly.config import Site
from support.http_server import Answer, HttpServer
from support.maintenance_system import SYSTEMS, MaintenanceSystem

MakeMessage = Callable[..., AlertMessage]
MakeSink = Callable[..., Sink]
BASE = {"maximo": "/maximo", "sap-pm": "/sap/API_MAINTNOTIFICATION/"}


def config(system: MaintenanceSystem, **keys: Any) -> CmmsConfig:
    given = {
        "name": "plant",
        "url": f"{system.server.url}{BASE.get(system.name, '')}",
        "allow_private": True,
        "preset": system.name,
        "token_env": "TOKEN",
        "timeout_s": 1,
    }
    return CmmsConfig.model_validate(given | keys)


@pytest.fixture
def cmms() -> Iterator[MakeSink]:
    made: list[Sink] = []

    def make(system: MaintenanceSystem, site: Site | None = None, token: str = "t0ken", **keys: Any) -> Sink:
        made.append(build(config(system, **keys), SinkContext(environ={"TOKEN": token}, site=site)))
        return made[-1]

    yield make
    for sink in made:
        sink.close()


@pytest.fixture(params=PRESET_NAMES)
def system(request: pytest.FixtureRequest, http_server: HttpServer) -> MaintenanceSystem:
    return MaintenanceSystem(request.param, http_server)


@pytest.fixture
def service_now(http_server: HttpServer) -> MaintenanceSystem:
    return MaintenanceSystem("servicenow", http_server)


@pytest.fixture
def life(make_message: MakeMessage) -> list[AlertMessage]:
    """Messages of one case, from its opening to its end."""
    opened = make_message()
    assert opened.case is not None
    case = replace(opened.case, asset={"cmms_number": "4711"}, severity=2)
    acknowledged = case.acknowledged("ann", case.opened_at)
    closed = acknowledged.closed(case.opened_at)
    return [
        replace(opened, case=case),
        replace(make_message("case.acknowledged", case=acknowledged), by="ann"),
        make_message("case.closed", case=closed),
    ]


def attempt(sink: Sink, message: AlertMessage) -> None:
    """Deliver a message, which may fail for now."""
    try:
        sink.deliver(message)
    except SinkError as error:
        if error.permanent:
            raise


def test_a_case_is_one_work_order(
    cmms: MakeSink, system: MaintenanceSystem, life: list[AlertMessage]
) -> None:
    sink = cmms(system)
    for message in life:
        sink.deliver(message)
    sink.close()
    (order,) = system.orders
    made = str(order.made)
    assert life[0].case is not None
    assert life[0].case.id[:12] in made
    assert "4711" in made
    assert "pump does not sound normal" in made
    assert len(order.added) == 2
    assert "The case of pump is closed." in str(order.added[1])
    keys = [request.headers["idempotency-key"] for request in system.changes]
    assert keys == [life[0].case.id, life[1].id, life[2].id]


def test_a_repetition_makes_no_second_one(
    cmms: MakeSink, system: MaintenanceSystem, life: list[AlertMessage]
) -> None:
    for _ in range(2):
        # A new sink each time, as after a restart: nothing is remembered but in the system.
        sink = cmms(system)
        sink.deliver(life[0])
    (order,) = system.orders
    assert order.added == []


def test_an_answer_that_is_lost_makes_no_second_one(
    cmms: MakeSink, system: MaintenanceSystem, life: list[AlertMessage]
) -> None:
    lost = [Answer(201, "{", cut=True), Answer(502), Answer(hang=True)]
    system.after = True
    system.fail = lambda request: None if system.system.is_search(request) or not lost else lost.pop()
    sink = cmms(system, timeout_s=0.3)
    for _ in range(3):
        attempt(sink, life[0])
    assert len(system.orders) == 1


def test_two_cases_are_two_work_orders(
    cmms: MakeSink, system: MaintenanceSystem, make_message: MakeMessage
) -> None:
    sink = cmms(system)
    first, second = make_message(), make_message()
    for message in (first, second, make_message("case.returned", case=first.case)):
        sink.deliver(message)
    sink.close()
    assert [len(order.added) for order in system.orders] == [1, 0]


def test_a_test_makes_none(system: MaintenanceSystem) -> None:
    sink = build(config(system), SinkContext(environ={"TOKEN": "t0ken"}, test_only=True))
    sink.deliver(AlertMessage("test", "pump", "2027-01-15T08:00:00.000Z"))
    sink.close()
    assert isinstance(sink, AnsweringSink)
    assert sink.last_answer == "127.0.0.1 answers a search for work orders; no work order was made"
    assert (system.orders, system.changes) == ([], [])


def test_the_probe(system: MaintenanceSystem) -> None:
    assert probe(config(system), SinkContext(environ={"TOKEN": "t0ken"})).startswith("127.0.0.1 answers")
    with pytest.raises(SinkError, match="answered 401") as caught:
        probe(config(system), SinkContext(environ={"TOKEN": "wr0ng"}))
    assert caught.value.permanent
    assert "wr0ng" not in f"{caught.value} {caught.value.__cause__!r}"


def test_numbers_are_known_after_a_restart(
    cmms: MakeSink, service_now: MaintenanceSystem, life: list[AlertMessage], tmp_path: Path
) -> None:
    site = Site(state_dir=tmp_path)
    cmms(service_now, site).deliver(life[0])
    # The search of some systems shows the newest alone.
    service_now.fail = lambda request: Answer(200, {"result": []}) if request.method == "GET" else None
    cmms(service_now, site).deliver(life[1])
    assert len(service_now.orders) == 1
    assert len(service_now.orders[0].added) == 1
    (tmp_path / "work-orders-plant.json").write_text("[broken")
    service_now.fail = lambda _: None
    cmms(service_now, site).deliver(life[2])
    assert len(service_now.orders) == 1


def test_a_work_order_that_was_deleted(
    cmms: MakeSink, service_now: MaintenanceSystem, life: list[AlertMessage]
) -> None:
    sink = cmms(service_now)
    sink.deliver(life[0])
    service_now.orders.clear()
    with pytest.raises(SinkError, match="answered 404") as caught:
        sink.deliver(life[1])
    assert caught.value.permanent
    sink.deliver(life[1])
    assert len(service_now.orders) == 1


@pytest.mark.parametrize(
    ("answer", "words", "permanent"),
    [
        (Answer(400, "bad"), "answered 400 Bad Request: bad", True),
        (Answer(401), "answered 401", True),
        (Answer(413), "answered 413", True),
        (Answer(429, headers={"Retry-After": "7"}), "answered 429", False),
        (Answer(500), "answered 500", False),
        (Answer(hang=True), "no answer in time", False),
        (Answer(200, "{", cut=True), "cannot be reached", False),
        (Answer(302, headers={"Location": "/login"}), "answered 302", False),
        (Answer(307, headers={"Location": "http://evil.example/"}), "redirects to another place", False),
        (Answer(200, "<html>please log in</html>"), "is not understood: it is no JSON", False),
        (Answer(200, {"error": "expired"}), "is not understood: the answer has no result", False),
        (Answer(200, {"result": [{"correlation_id": "{case}"}]}), "has no sys_id", False),
        (Answer(200, {"result": {}}), "result is no list", False),
    ],
)
def test_a_search_that_fails_makes_nothing(
    cmms: MakeSink,
    service_now: MaintenanceSystem,
    life: list[AlertMessage],
    answer: Answer,
    words: str,
    permanent: bool,
) -> None:
    assert life[0].case is not None
    if "{case}" in str(answer.body):
        answer = replace(answer, body={"result": [{"correlation_id": life[0].case.id}]})
    service_now.fail = lambda request: answer if request.method == "GET" else None
    sink = cmms(service_now, timeout_s=0.3)
    with pytest.raises(SinkError, match=words) as caught:
        sink.deliver(life[0])
    assert caught.value.permanent is permanent
    assert caught.value.retry_after_s == (7 if answer.status == 429 else None)
    assert (service_now.orders, service_now.changes) == ([], [])
    service_now.fail = lambda _: None
    sink.deliver(life[0])
    assert len(service_now.orders) == 1


def test_a_server_that_answers_twice(
    cmms: MakeSink, service_now: MaintenanceSystem, life: list[AlertMessage]
) -> None:
    """The second answer to one request must not be taken for that to the next."""

    usual = service_now.server.answer
    service_now.server.answer = lambda request: replace(usual(request), twice=True)
    sink = cmms(service_now)
    for message in life:
        sink.deliver(message)
    (order,) = service_now.orders
    assert len(order.added) == 2


def test_a_server_that_is_away(cmms: MakeSink, http_server: HttpServer, life: list[AlertMessage]) -> None:
    away = MaintenanceSystem("servicenow", http_server)
    sink = cmms(away)
    http_server.stop()
    with pytest.raises(SinkError, match="cannot be reached") as caught:
        sink.deliver(life[0])
    assert not caught.value.permanent


def test_cases_that_make_no_work_order(
    cmms: MakeSink, service_now: MaintenanceSystem, make_message: MakeMessage
) -> None:
    sink = cmms(service_now, least_severity="major", sensor_cases=False)
    minor = make_message()
    assert minor.case is not None
    sensor = make_message(case=replace(minor.case, kind="sensor", severity=3, id="5" * 32))
    closed = make_message("case.closed", case=replace(minor.case, severity=3).closed(minor.time))
    for message in (minor, sensor, closed):
        sink.deliver(message)
    assert service_now.orders == []
    sink.deliver(make_message("case.escalated", case=replace(minor.case, severity=2)))
    assert len(service_now.orders) == 1


def test_values_cannot_leave_their_place(
    cmms: MakeSink, service_now: MaintenanceSystem, make_message: MakeMessage
) -> None:
    evil = "x/../../admin?a=1&b#\r\nX-Evil: 1\"}{'"
    made = make_message()
    assert made.case is not None
    message = replace(made, case=replace(made.case, summary=evil, asset={"cmms_number": evil}))
    create = {
        "method": "POST",
        "path": "/api/now/table/wm_order?asset=${asset}",
        "headers": {"X-Asset": "${asset}"},
        "id": "result.sys_id",
        "body": {"correlation_id": "${case}", "note": "${asset}"},
    }
    cmms(service_now, create=create).deliver(message)
    (request,) = service_now.changes
    assert request.path.startswith("/api/now/table/wm_order?asset=x%2F..%2F..%2Fadmin%3F")
    assert "x-evil" not in request.headers
    assert request.json["note"].startswith("x/../../admin")


def test_a_custom_system(cmms: MakeSink, service_now: MaintenanceSystem, life: list[AlertMessage]) -> None:
    requests = {
        "lookup": {
            "method": "GET",
            "path": "/api/now/table/wm_order?sysparm_query=correlation_id%3D${case}",
            "items": "result",
            "key": "correlation_id",
            "contains": "${case}",
            "id": "sys_id",
        },
        "create": {
            "method": "POST",
            "path": "/api/now/table/wm_order",
            "id": "result.sys_id",
            "body": {
                "correlation_id": "${case}",
                "site": "${site}",
                "empty": "${place}",
                "rank": "${urgency|int}",
            },
        },
        "update": {
            "method": "PATCH",
            "path": "/api/now/table/wm_order/${order}",
            "body": {"note": "${headline}"},
        },
    }
    sink = cmms(service_now, preset="custom", values={"site": "north"}, **requests)
    for message in life:
        sink.deliver(message)
    (order,) = service_now.orders
    assert life[0].case is not None
    assert order.made == {"correlation_id": life[0].case.id, "site": "north", "rank": life[0].case.urgency}
    assert [added["note"] for added in order.added] == [
        "The case of pump is acknowledged. By ann.",
        "The case of pump is closed.",
    ]


def request(**keys: Any) -> dict[str, Any]:
    return {"method": "POST", "path": "/x", "id": "id"} | keys


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"preset": "custom"}, "preset: custom needs lookup and create and update"),
        ({"create": request(body={"a": "${pasword}"})}, r"create names \$\{pasword\}"),
        ({"create": request(path="/${order}")}, r"create names \$\{order\}"),
        ({"create": request(id=None)}, "create needs id"),
        ({"create": request(path="//evil.example")}, "begins with one /"),
        ({"create": request(path="http://evil.example")}, "begins with one /"),
        ({"create": request(headers={"a b": "c"})}, "is no name of a header"),
        ({"create": request(body={"a": "${case.__class__}${case}"})}, None),
        ({"preset": "fax"}, "maximo"),
    ],
)
def test_templates_that_cannot_be_used(
    service_now: MaintenanceSystem, keys: dict[str, Any], problem: str | None
) -> None:
    if problem is None:
        config(service_now, **keys)  # what is no name in braces stays a plain text
        return
    with pytest.raises(ValueError, match=problem):
        config(service_now, **keys)


def test_each_preset_has_a_system() -> None:
    assert set(SYSTEMS) == set(PRESET_NAMES)
