"""Site-wide services of a running monitor: background worker, statistics, metrics, retention, systemd."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

from anomaly.config import Site
from anomaly.disk_space import free_bytes
from anomaly.monitor.clips.retention import sweep, sweep_orphans
from anomaly.monitor.live.publisher import LivePublisher
from anomaly.monitor.process.background import BackgroundWorker
from anomaly.monitor.telemetry.statistics import MonitorStatistics, SiteStatistics
from anomaly.monitor.telemetry.systemd import SystemdNotifier
from anomaly.store.clip_index import CLIPS_FOLDER
from anomaly.store.retention import Retention, tidy
from anomaly.store.store import Store

_TIDY_EVERY_S, _SUM_UP_EVERY_S, _MEASURE_EVERY_S, _CHECK_EVERY_S = 600.0, 60.0, 15.0, 30.0
_SHELVING_EVERY_S = 5.0


class Operations:
    """Services that all machines of one process share; use it as a context manager, inside the store's.

    Args:
        site: what to keep and where metrics are read.
        store: the open store.
        clock: UNIX seconds.
    """

    def __init__(self, site: Site, store: Store, clock: Callable[[], float] = time.time) -> None:
        self.site, self.store, self.clock = site, store, clock
        self.background = BackgroundWorker()
        self.statistics = MonitorStatistics(clock)
        self.notifier = SystemdNotifier()
        self.live = LivePublisher(site.state_dir, clock)
        self.clips_folder = site.state_dir / CLIPS_FOLDER
        self._open = ExitStack()
        self._planned: set[str] = set()

    def __enter__(self) -> Operations:
        with ExitStack() as opening:
            opening.callback(self.live.close)
            opening.enter_context(self.background)
            if self.site.metrics is not None:
                from anomaly.monitor.telemetry.metrics import serving

                opening.enter_context(serving(self.statistics, self.site.metrics))
            self._open = opening.pop_all()
        # Only now that the monitoring has begun: on a year of data reading all pages takes seconds.
        self.background.every(_CHECK_EVERY_S, self._check, after_s=0.0)
        self.background.every(_SUM_UP_EVERY_S, self._sum_up)
        self.background.every(_TIDY_EVERY_S, self._tidy, after_s=_CHECK_EVERY_S)
        self.background.every(_MEASURE_EVERY_S, self._measure, after_s=0.0)
        self.background.every(_SHELVING_EVERY_S, self._notify_again, after_s=0.0)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _check(self) -> None:
        self.store.check()

    def _notify_again(self) -> None:
        """Notify again of cases that are still open when the time of shelving or maintenance is over."""
        self.store.cases.end_shelving()
        now_s, before = self.clock(), self._planned
        self._planned = {
            name for name in self.site.machines if self.site.is_in_planned_maintenance(name, now_s)
        }
        for machine in {*self.store.maintenance.end_over(), *(before - self._planned)}:
            self.store.cases.notify_again(machine)

    def _sum_up(self) -> None:
        while self.store.time_series.sum_up():
            continue

    def _tidy(self) -> None:
        if self.store.fault:
            return  # a database in memory does not know what is old on the disk
        keep = self.site.keep
        tidy(self.store, Retention(keep.scores_days, keep.minutes_days, keep.events_days), self.clock())
        sweep(self.store, self.clips_folder, self.site.clips, self.clock())
        if self.store.set_aside is None:
            # Clips whose entries were lost with a damaged database are no orphans.
            sweep_orphans(self.store, self.clips_folder)

    def _measure(self) -> None:
        # A folder that was removed is made anew by this look into the database, unless the disk takes nothing.
        clips = self.store.clips.select()
        path = self.store.path
        parts = [path.with_name(f"{path.name}{end}") for end in ("", "-wal")]
        self.statistics.update_site(
            SiteStatistics(
                database_bytes=sum(part.stat().st_size for part in parts if part.exists()),
                disk_free_bytes=free_bytes(path.parent),
                clips=len(clips),
                clips_bytes=sum(clip.bytes for clip in clips),
                pending={name: self.store.outbox.pending_count([name]) for name in self.site.sinks.names},
            )
        )
