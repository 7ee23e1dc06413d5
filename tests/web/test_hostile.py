"""Hostile requests and requests made of the description: all refused or answered, and no bug."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

from anomaly.web.api.description import description
from anomaly.web.api.operations import OPERATIONS
from anomaly.web.settings import Limits
from lib.web.hostile import Stolen, hostile_requests
from support.dashboard import PASSWORD, Dashboard

# Each is refused for what it is, not for being one of many.
FREE = Limits(per_s=10_000.0, burst=100_000.0)


def test_hostile_requests_are_refused(make_dashboard: Callable[..., Dashboard]) -> None:
    found = make_dashboard(limits=FREE)
    found.add_user("guest", "viewer")
    login = {"name": "guest", "password": PASSWORD}
    client = found.client
    first = client.post("/api/v1/login", json=login)
    ended = first.cookies["anomaly_session"]
    client.post("/api/v1/logout", headers={"X-CSRF-Token": first.json()["csrf"]})
    client.cookies.clear()
    second = client.post("/api/v1/login", json=login)
    stolen = Stolen(ended, second.cookies["anomaly_session"], second.json()["csrf"], found.case.id)
    client.cookies.clear()
    wrong = []
    for request in hostile_requests(stolen, 1_000):
        answer = client.request(request.method, request.path, headers=request.headers, content=request.body)
        client.cookies.clear()
        if not 400 <= answer.status_code < 500:
            wrong.append((answer.status_code, request.kind, request.method, request.path))
    assert wrong == []
    case = found.client.app.state.services.access.reader().case(found.case.id)  # type: ignore[attr-defined]
    assert case == found.case


def test_requests_of_the_description(make_dashboard: Callable[..., Dashboard]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import schemathesis
    from hypothesis import HealthCheck, Phase, given, settings

    found = make_dashboard(limits=FREE)
    csrf = found.get("/site")["csrf"]
    schema = schemathesis.openapi.from_dict(description(OPERATIONS))
    endless = {"live", "device_level", "job_events"}
    # They begin processes, wait for seconds, or take sound.
    slow = {"begin_job", "replay_model", "system", "login", "score"}
    failures: list[Any] = []
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.definition.raw["operationId"] in endless | slow:
            continue

        @settings(
            max_examples=6,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def run(case: Any) -> None:
            options = case.as_transport_kwargs(base_url="http://127.0.0.1:8421")
            options["headers"] = {**dict(options.get("headers") or {}), "X-CSRF-Token": csrf}
            options.pop("cookies", None)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                answer = found.client.request(**options)
            if answer.status_code >= 500:
                failures.append((answer.status_code, case.method, case.path, options.get("json")))

        run()
    assert failures == []


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_each_operation_is_described(operation: Any) -> None:
    content = description(OPERATIONS)
    described = content["paths"][f"/api/v1{operation.path}"][operation.method.lower()]
    assert described["operationId"] == operation.name
    assert str(operation.status) in described["responses"]
