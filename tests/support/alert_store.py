"""Store with a settable clock, and cases and messages for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from anomaly.alerts import DATABASE_NAME, AlertMessage, Case, Store, iso_utc

START_S = 1_800_000_000.0


@dataclass
class Clock:
    """Clock that stands still until it is set forward."""

    now_s: float = START_S

    def __call__(self) -> float:
        return self.now_s

    def forward(self, by_s: float) -> None:
        self.now_s += by_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / DATABASE_NAME


@pytest.fixture
def store(path: Path, clock: Clock) -> Iterator[Store]:
    with Store.open(path, clock=clock) as opened:
        yield opened


@pytest.fixture
def make_case(clock: Clock) -> Callable[..., Case]:
    def make(machine: str = "pump", kind: Any = "machine", **fields: Any) -> Case:
        return Case(
            machine, kind, iso_utc(clock()), fields.pop("summary", "A tone at 3.2 kHz has come up"), **fields
        )

    return make


@pytest.fixture
def make_message(clock: Clock, make_case: Callable[..., Case]) -> Callable[..., AlertMessage]:
    def make(event: Any = "case.opened", **fields: Any) -> AlertMessage:
        case = fields.pop("case", None) or make_case(peak_score=4.5, evidence={"groups": [0.1, 4.5]})
        given: dict[str, Any] = {
            "score": 4.5,
            "p_value": 1e-5,
            "state": "ALARM",
            "groups": (0.1, 4.5),
        } | fields
        return AlertMessage(event, case.machine, iso_utc(clock()), case=case, **given)

    return make
