"""What happens around the watch: clips, gaps, figures, the service manager, tidying, another model.

The sound's thread only hands things over here; whatever takes time happens behind the scenes.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.config import Site
from anomaly.detect.calibration.versions import CalibrationVersions
from anomaly.errors import ConfigError
from anomaly.features.front_end import FrontEnd
from anomaly.monitor.background import BackgroundWorker
from anomaly.monitor.clips.recorder import FOLDER, ClipContext, ClipRecorder
from anomaly.monitor.clips.retention import sweep, sweep_orphans
from anomaly.monitor.clips.ring_buffer import on_grid
from anomaly.monitor.model_switch import LOOK_EVERY_S, LoadModel, ModelSwitch, NextModel
from anomaly.monitor.records import EventRecord, Record, SecondRecord
from anomaly.monitor.sources.sources import Lost, Sound, SourceEvent
from anomaly.monitor.telemetry.statistics import MonitorStatistics, SiteStatistics
from anomaly.monitor.telemetry.systemd import SystemdNotifier
from anomaly.store.retention import Retention, tidy
from anomaly.store.rows import GapRow
from anomaly.store.store import Store

_TIDY_EVERY_S, _SUM_UP_EVERY_S, _MEASURE_EVERY_S, _CHECK_EVERY_S = 600.0, 60.0, 15.0, 30.0
MODEL_ACTIVATED = "model.activated"

_LOG = logging.getLogger(__name__)


class Operations:
    """Around all machines of one process; use it as a context manager, inside the store's.

    Args:
        site: what to keep and where metrics are read.
        store: the open store.
        clock: UNIX seconds.
    """

    def __init__(self, site: Site, store: Store, clock: Callable[[], float] = time.time) -> None:
        self.site, self.store, self.clock = site, store, clock
        self.backstage = BackgroundWorker()
        self.figures = MonitorStatistics()
        self.notifier = SystemdNotifier()
        self.clips_folder = site.state_dir / FOLDER
        self._open = ExitStack()

    def __enter__(self) -> Operations:
        with ExitStack() as opening:
            opening.enter_context(self.backstage)
            if self.site.metrics is not None:
                from anomaly.monitor.telemetry.metrics import serving

                opening.enter_context(serving(self.figures, self.site.metrics))
            self._open = opening.pop_all()
        # Only now that the monitoring has begun: on a year of data reading all pages takes seconds.
        self.backstage.every(_CHECK_EVERY_S, self._check, after_s=0.0)
        self.backstage.every(_SUM_UP_EVERY_S, self._sum_up)
        self.backstage.every(_TIDY_EVERY_S, self._tidy, after_s=_CHECK_EVERY_S)
        self.backstage.every(_MEASURE_EVERY_S, self._measure, after_s=0.0)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _check(self) -> None:
        self.store.check()

    def _sum_up(self) -> None:
        while self.store.time_series.sum_up():
            continue

    def _tidy(self) -> None:
        keep = self.site.keep
        tidy(self.store, Retention(keep.scores_days, keep.minutes_days, keep.events_days), self.clock())
        sweep(self.store, self.clips_folder, self.site.clips, self.clock())
        sweep_orphans(self.store, self.clips_folder)

    def _measure(self) -> None:
        clips = self.store.clips.select()
        path = self.store.path
        parts = [path.with_name(f"{path.name}{end}") for end in ("", "-wal")]
        site = SiteStatistics(
            database_bytes=sum(part.stat().st_size for part in parts if part.exists()),
            disk_free_bytes=shutil.disk_usage(path.parent).free,
            clips=len(clips),
            clips_bytes=sum(clip.bytes for clip in clips),
            pending={name: self.store.outbox.pending_count([name]) for name in self.site.sinks.names},
        )
        with self.figures.lock:
            self.figures.site = site


@dataclass(frozen=True)
class MachineContext:
    """What one machine is heard by.

    Args:
        machine: its name.
        bundle: name of the bundle that scores it.
        detector: which network scores.
        front_end: settings of its bundle.
        live: from a microphone: put on the 24-bit grid of the clips, and timed by the clock.
    """

    machine: str
    bundle: str
    detector: str
    front_end: FrontEnd
    live: bool


class MachineServices:
    """Around one machine: sees what is heard and what is said of it, block by block.

    Args:
        operations: of the process.
        ear: what it is heard by.
        ready: makes a bundle ready to score, when another one is put into use.
        use: told of the model that is to take over at the next reset; None where none may.
    """

    def __init__(
        self,
        operations: Operations,
        ear: MachineContext,
        ready: LoadModel | None = None,
        use: Callable[[NextModel], None] | None = None,
    ) -> None:
        self._around, self._ear, self._use = operations, ear, use
        self._news: list[EventRecord] = []
        self._lock = threading.Lock()
        self._models: ModelSwitch | None = None
        site = operations.site
        if ready is not None:
            refuse = partial(self._tell, "model.refused")
            calibrations = CalibrationVersions(site.state_dir, ear.machine, ear.detector)
            self._models = ModelSwitch(
                site.models_dir, ear.bundle, ready, refuse, lambda: calibrations.current
            )
            operations.backstage.every(LOOK_EVERY_S, self._models.look)
        version = self._models.version if self._models else ""
        operations.figures.machine(ear.machine).model = version
        by = ClipContext(ear.machine, ear.detector, version, ear.front_end)
        self._clips = ClipRecorder(
            by, site.clips, operations.clips_folder, operations.store, operations.backstage, self._tell
        )
        self._taking: NextModel | None = None
        self._end_s: float | None = None
        self._lost = False
        self._seconds = 0

    def admit(self, heard: SourceEvent) -> SourceEvent:
        """What the watch is to hear: live sound as a clip can keep it, to the last bit."""
        if self._ear.live and isinstance(heard, Sound):
            return replace(heard, samples=on_grid(heard.samples))
        return heard

    def attend(self, heard: SourceEvent, records: list[Record]) -> list[Record]:
        """Take a block and what the watch said of it; return both its records and what is new here."""
        if isinstance(heard, Lost):
            self._clips.cut()
            if not self._lost:
                self._around.notifier.status(f"looking for the microphone of {self._ear.machine}")
            self._lost, self._seconds = True, 0
            self._around.notifier.looking()
        elif isinstance(heard, Sound):
            self._hear(heard)
        for record in records:
            self._follow(record)
        self._clips.records(records)
        self._offer_model()
        said = records + list(self._take_news())
        for record in said:
            self._around.figures.record(record, self._around.clock(), live=self._ear.live)
        self._around.notifier.alive()
        return said

    def finish(self) -> list[Record]:
        """The sound has ended: what was wanted is kept, and the thread behind the scenes is waited for."""
        self._around.notifier.stopping()
        self._clips.cut()
        self._around.backstage.wait_idle(10.0)
        return list(self._take_news())

    def _hear(self, sound: Sound) -> None:
        if sound.gap or self._lost:
            self._clips.cut()
            self._seconds = 0
            self._note_gap(sound.time_s)
        if self._lost:
            self._around.notifier.status("listening")
        self._lost = False
        self._end_s = sound.time_s + len(sound.samples) / SAMPLE_RATE_HZ
        if self._around.site.clips.content != "none":
            self._clips.ring.push(sound.samples, sound.time_s)
        self._around.figures.heard(self._ear.machine, self._end_s)
        self._around.notifier.heard()

    def _note_gap(self, until_s: float) -> None:
        if self._end_s is not None and until_s >= self._end_s:
            row = GapRow(self._ear.machine, self._end_s, until_s, "lost" if self._lost else "overflow")
            self._around.backstage.submit(partial(self._around.store.time_series.add_gaps, [row]))

    def _follow(self, record: Record) -> None:
        if isinstance(record, SecondRecord):
            self._seconds += 1
        elif record.event == MODEL_ACTIVATED and self._taking is not None:
            model, self._taking = self._taking, None
            self._clips.model_taken_over(
                model.version, model.scorer.front_end, self._seconds * SAMPLE_RATE_HZ
            )
            self._around.figures.machine(self._ear.machine).model = model.version
            self._seconds = 0

    def _offer_model(self) -> None:
        if self._models is not None and self._use is not None and (model := self._models.take()) is not None:
            self._taking = model
            self._use(model)

    def _tell(self, event: str, words: str, detail: Mapping[str, Any] | None = None) -> None:
        """Tell an event from any thread; it is stored here and shown with the next block."""
        now_s = self._around.clock()
        record = EventRecord(event, self._ear.machine, now_s, words, dict(detail or {}))
        with self._lock:
            self._news.append(record)
        case = record.detail.get("case")
        try:
            self._around.store.history.add_event(
                event,
                machine=self._ear.machine,
                case_id=case if isinstance(case, str) else None,
                detail={**record.detail, "words": words},
                time_s=now_s,
            )
        except ConfigError as error:
            _LOG.warning("%s is not stored: %s", event, error)

    def _take_news(self) -> list[EventRecord]:
        with self._lock:
            news, self._news = self._news, []
        return news
