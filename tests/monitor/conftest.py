"""A watch on a bench: sound of any kind on its own clock, a detector that judges by loudness, a real store."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from anomaly.alerts.store import Store
from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Samples
from anomaly.detect.decision import limit_for
from anomaly.detect.scoring import Scorer, SecondScore
from anomaly.monitor.records import EventRecord, Record, SecondRecord
from anomaly.monitor.sources import Lost, Sound
from anomaly.monitor.watch import Watch

BEGIN_S = 1_800_000_000.0
QUIET, LOUD, SILENT, OVERDRIVEN = 0.01, 0.15, 0.0, 3.0


class LoudnessStream:
    """Finds everything above -26 dBFS abnormal."""

    def __init__(self) -> None:
        self.resets = 0

    def push(self, samples: Samples) -> Iterator[SecondScore]:
        loud = float(samples.std()) > 0.05
        yield SecondScore(0, 9.0 if loud else 0.1, 1e-6 if loud else 0.6, np.full(16, 9.0 if loud else 0.1))

    def reset(self) -> None:
        self.resets += 1


@dataclass
class Bench:
    """A watch whose sound and clock are ours."""

    store: Store
    now_s: float = BEGIN_S
    records: list[Record] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Start a monitor; what an earlier one left in the store stays."""
        self.stream = LoudnessStream()
        scorer = cast(Scorer, SimpleNamespace(stream=lambda: self.stream, calibration=None))
        self.watch = Watch("pump", scorer, limit_for(1.0, 0.0), self.store)

    def hear(self, seconds: float, level: float = QUIET, *, block_s: float = 0.1, gap: bool = False) -> None:
        """Noise at a level; with ``gap`` each block follows a loss."""
        rng = np.random.default_rng(3)
        for _ in range(round(seconds / block_s)):
            samples = rng.normal(0, level, round(block_s * SAMPLE_RATE_HZ)).clip(-1, 1).astype(np.float32)
            self.records += self.watch.hear(Sound(samples, self.now_s, gap))
            self.now_s += block_s

    def lose(self, times: int = 1) -> None:
        """The microphone goes away, and stays away."""
        for _ in range(times):
            self.records += self.watch.hear(Lost(self.now_s, "gave no sound for 3 s"))
            self.now_s += 5

    @property
    def seconds(self) -> list[SecondRecord]:
        return [record for record in self.records if isinstance(record, SecondRecord)]

    @property
    def events(self) -> list[EventRecord]:
        return [record for record in self.records if isinstance(record, EventRecord)]

    @property
    def names(self) -> list[str]:
        return [event.event for event in self.events]

    def cases(self, kind: str) -> list[str]:
        """States of all cases of a kind, oldest first."""
        return [case.state.value for case in reversed(self.store.cases()) if case.kind == kind]

    def told(self) -> list[tuple[str, Any]]:
        """Event and kind of each message that waits for delivery, whatever the order of its case."""
        with self.store._database.reading() as connection:
            bodies = [json.loads(row["body"]) for row in connection.execute("SELECT body FROM outbox")]
        return [(body["event"], body["case"]["kind"]) for body in bodies]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Store.open(tmp_path / "anomaly.sqlite", clock=lambda: made[0].now_s if made else BEGIN_S) as store:
        made: list[Bench] = []
        made.append(Bench(store))
        yield made[0]


@pytest.fixture
def until() -> Callable[..., None]:
    """Wait for something that another process does."""

    def wait(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
        end = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, "it did not come about in time"
            time.sleep(0.02)

    return wait
