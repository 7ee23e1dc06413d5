"""The trend beside the monitoring: facts for cases, and events when a rise begins and ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from anomaly.alerts import Store
from anomaly.monitor.events import EventName
from anomaly.monitor.offline.trend_watch import TrendWatch
from anomaly.store.database.rows import ScoreRow
from support.alert_store import START_S, clock, path, store

__all__ = ["clock", "path", "store"]

HOUR_S = 3_600


class Events:
    """Keeps the names of events."""

    def __init__(self) -> None:
        self.names: list[EventName] = []

    def __call__(self, event: EventName, message: str, detail: Mapping[str, Any] | None = None) -> None:
        assert message
        assert detail is not None
        self.names.append(event)


def add_hours(store: Store, first: int, scores: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> None:
    """Store 20 scores in every half hour."""
    rows = [
        ScoreRow(
            "pump",
            START_S + HOUR_S / 2 * (2 * first + n) + k,
            0,
            float(score),
            0.5 if score < 4 else 0.01,
            "OK",
        )
        for n, score in enumerate(np.repeat(scores, 2))
        for k in range(20)
    ]
    store.history.add_scores(rows)


@pytest.fixture
def events() -> Events:
    return Events()


def test_a_rise_and_its_end(store: Store, events: Events) -> None:
    watch = TrendWatch("pump", store.path, lambda: START_S + 50 * HOUR_S, events)
    assert watch.newest() is None
    noise = np.random.default_rng(3).normal(0.0, 0.05, 80)
    add_hours(store, 0, 0.05 * np.arange(40) + noise[:40])
    add_hours(store, -1, np.array([4.5]))
    watch.examine()
    facts = watch.newest()
    assert facts is not None
    assert facts["state"] == "rising"
    assert facts["upper_s"] > facts["lower_s"]
    watch.examine()
    assert events.names == [EventName.TREND_RISING]
    add_hours(store, 40, noise[40:])
    watch.examine()
    assert events.names == [EventName.TREND_RISING, EventName.TREND_OVER]


def test_without_scores_and_without_a_database(store: Store, events: Events) -> None:
    watch = TrendWatch("fan", store.path, lambda: START_S, events)
    watch.examine()
    facts = watch.newest()
    assert facts is not None
    assert facts["state"] == "too-little"
    TrendWatch("fan", store.path.with_name("none"), lambda: START_S, events).examine()
    assert events.names == []
