"""Fixtures of answers: a store of now with a case, and an endpoint on this computer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from anomaly.alerts import DATABASE_NAME, Case, Store, iso_utc
from anomaly.alerts.answers.answer_handler import AnswerHandler
from anomaly.alerts.answers.http_endpoint import HttpEndpoint
from support.answers import SECRET


@pytest.fixture
def live_store(tmp_path: Path) -> Iterator[Store]:
    """Yield a store with the real clock."""
    with Store.open(tmp_path / DATABASE_NAME) as opened:
        yield opened


@pytest.fixture
def open_case(live_store: Store) -> Callable[[str], Case]:
    """Open a case of a machine."""

    def make(machine: str = "pump") -> Case:
        case = live_store.cases.open(Case(machine, "machine", iso_utc(time.time()), "It rattles"))
        assert case is not None
        return case

    return make


@pytest.fixture
def endpoint(live_store: Store) -> Iterator[HttpEndpoint]:
    """Yield an endpoint that is patient for two seconds, and takes eight connections at once."""
    with (
        AnswerHandler(live_store, {"maximo": SECRET}, 300.0) as handler,
        HttpEndpoint(handler, "127.0.0.1", 0, most_connections=8, request_s=2.0) as opened,
    ):
        yield opened
