"""A pipeline that scores by loudness, and a session with a real bundle; the tests supply sound and clock."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Samples
from anomaly.audio.files.recordings import read_16k
from anomaly.config import Clips, Site
from anomaly.detect.decision import limit_for
from anomaly.detect.scoring import Scorer, SecondScore
from anomaly.monitor.clips.files import StoredClip, read_clip
from anomaly.monitor.event_bus import EventBus
from anomaly.monitor.model.session_model import load_session_model
from anomaly.monitor.operations import Operations
from anomaly.monitor.pipeline import MonitorPipeline
from anomaly.monitor.plan import MonitorPlan
from anomaly.monitor.records import EventRecord, Record, SecondRecord
from anomaly.monitor.session import MachineSession
from anomaly.monitor.sources.events import MicrophoneLost, SoundBlock, SourceEvent
from anomaly.store.store import DATABASE_NAME, Store
from support.waiting import wait_until

BEGIN_S = 1_800_000_000.0
PATIENCE_S = 120.0
QUIET, LOUD, SILENT, OVERDRIVEN = 0.01, 0.15, 0.0, 3.0


class LoudnessStream:
    """Stream that scores every second above -26 dBFS as abnormal."""

    def __init__(self) -> None:
        self.resets = 0

    def push(self, samples: Samples) -> Iterator[SecondScore]:
        loud = float(samples.std()) > 0.05
        yield SecondScore(0, 9.0 if loud else 0.1, 1e-6 if loud else 0.6, np.full(16, 9.0 if loud else 0.1))

    def reset(self) -> None:
        self.resets += 1


@dataclass
class Bench:
    """A pipeline with sound and clock of the test."""

    store: Store
    now_s: float = BEGIN_S
    records: list[Record] = field(default_factory=list)
    scores: Any = None
    """Scores of normal sound, in ascending order; None for a scorer without calibration."""

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Start a monitor on the store as it is."""
        self.stream = LoudnessStream()
        calibration = None if self.scores is None else SimpleNamespace(scores=self.scores)
        scorer = cast(
            Scorer, SimpleNamespace(level=None, stream=lambda: self.stream, calibration=calibration)
        )
        self.trend: dict[str, Any] | None = None
        bus = EventBus()
        bus.subscribe(SecondRecord, self.records.append)
        bus.subscribe(EventRecord, self.records.append)
        self.pipeline = MonitorPipeline(
            "pump", scorer, limit_for(1.0, 0.0), self.store, bus, trend=lambda: self.trend
        )

    def process(self, event: SourceEvent) -> None:
        """Pass one source event through the pipeline."""
        self.pipeline.process(event)

    def feed(self, seconds: float, level: float = QUIET, *, block_s: float = 0.1, gap: bool = False) -> None:
        """Feed noise at a level; with ``gap`` each block follows a loss of samples."""
        rng = np.random.default_rng(3)
        for _ in range(round(seconds / block_s)):
            samples = rng.normal(0, level, round(block_s * SAMPLE_RATE_HZ)).clip(-1, 1).astype(np.float32)
            self.process(SoundBlock(samples, self.now_s, gap))
            self.now_s += block_s

    def lose_microphone(self, times: int = 1) -> None:
        """Report the loss of the microphone some times."""
        for _ in range(times):
            self.process(MicrophoneLost(self.now_s, "gave no sound for 3 s"))
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
        return [case.state.value for case in reversed(self.store.cases.select()) if case.kind == kind]

    def messages(self) -> list[tuple[str, Any]]:
        """Event and case kind of each undelivered message."""
        with self.store.database.reading() as connection:
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
    """Wait for another thread or process."""
    return wait_until


@pytest.fixture(scope="module")
def normal(pump_recordings: Path) -> Samples:
    files = sorted(pump_recordings.rglob("normal_*.wav"))
    return np.concatenate([read_16k(file) for file in files])


@pytest.fixture(scope="module")
def fault(pump_recordings: Path) -> Samples:
    files = sorted(pump_recordings.rglob("anomaly_outer_race_*.wav"))
    return np.concatenate([read_16k(file) for file in files])


@pytest.fixture
def models(pump_bundle: Path, tmp_path: Path) -> Path:
    shutil.copytree(pump_bundle, tmp_path / "models" / "pump")
    return tmp_path / "models"


class Chain:
    """One session with sound and clock of the test."""

    def __init__(self, site: Site) -> None:
        self.site, self.now_s = site, BEGIN_S
        self.store = Store.open(site.state_dir / DATABASE_NAME, clock=lambda: self.now_s)
        self.operations = Operations(site, self.store, clock=lambda: self.now_s)
        self.operations.__enter__()
        plan = MonitorPlan("pump", "microphone", None, "mean", "student", 1.0)
        model = load_session_model(plan, site)
        # The limit of independent seconds: an alarm comes within seconds.
        model = replace(model, limit=limit_for(1.0, 0.0))
        self.scorer = model.scorer
        self.session = MachineSession(plan, model, self.store, self.operations)
        self.records: list[Record] = []

    def feed(self, samples: Samples, *, gap: bool = False, block: int = 1_571) -> None:
        for start in range(0, len(samples), block):
            piece = samples[start : start + block]
            self.records += self.session.process(SoundBlock(piece, self.now_s, gap and start == 0))
            self.now_s += len(piece) / SAMPLE_RATE_HZ

    def lose_microphone(self) -> None:
        self.records += self.session.process(MicrophoneLost(self.now_s, "unplugged"))

    def finish(self) -> None:
        self.records += self.session.finish()
        # On a loaded computer a clip may take longer than the session waits for it at its end.
        assert self.operations.background.wait_idle(PATIENCE_S)
        self.records += self.session.finish()

    def close(self) -> None:
        self.operations.__exit__()
        self.store.close()

    @property
    def events(self) -> list[str]:
        return [record.event for record in self.records if isinstance(record, EventRecord)]

    @property
    def scores(self) -> list[tuple[float | None, float | None]]:
        return [(r.score, r.p_value) for r in self.records if isinstance(r, SecondRecord)]

    def clip(self) -> StoredClip:
        (row,) = self.store.clips.select()
        return read_clip(self.operations.clips_folder / row.folder)


@pytest.fixture
def chain(models: Path, tmp_path: Path) -> Iterator[Callable[..., Chain]]:
    made: list[Chain] = []

    def make(**clips: object) -> Chain:
        settings = Clips.model_validate({"before_s": 6, "after_s": 2, "free_mib": 0} | clips)
        made.append(Chain(Site(models_dir=models, state_dir=tmp_path / "state", clips=settings)))
        return made[-1]

    yield make
    for one in made:
        one.close()
