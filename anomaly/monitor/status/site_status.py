"""Status of a site: its machines, sinks, disk and database, read without changing anything."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from anomaly.bundle.versions import version_of
from anomaly.config import Machine, Site
from anomaly.disk_space import DiskFault, disk_fault
from anomaly.errors import AnomalyError, ConfigError
from anomaly.monitor.status.budget import budget_status
from anomaly.monitor.status.machine_status import MachineStatus, MaintenanceStatus, machine_status
from anomaly.monitor.status.sink_status import SinkStatus, sink_statuses
from anomaly.monitor.status.stored_facts import DatabaseStatus, StoredFacts
from anomaly.store.cases.maintenance import MaintenanceRow
from anomaly.store.database.file_lock import is_locked
from anomaly.store.state_kinds import model_label
from anomaly.store.store import DATABASE_NAME

_LOCK_PREFIX, _LOCK_SUFFIX = "monitor-", ".lock"


@dataclass(frozen=True)
class DiskStatus:
    """Disk of the state folder.

    Args:
        path: the folder.
        free_bytes: free on its disk.
        total_bytes: size of its disk.
        low: below what clips leave free: no clips are kept.
        fault: why it takes nothing, if it shows signs of that.
    """

    path: Path
    free_bytes: int
    total_bytes: int
    low: bool
    fault: DiskFault | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        return {
            "path": str(self.path),
            "free_bytes": self.free_bytes,
            "total_bytes": self.total_bytes,
            "low": self.low,
            "fault": None if self.fault is None else {"cause": self.fault.cause, "text": str(self.fault)},
        }


@dataclass(frozen=True)
class SiteStatus:
    """Status of a site.

    Args:
        machines: the worst first.
        sinks: as in the site file, then those that only the database knows.
        disk: of the state folder.
        database: of the monitor.
        time_s: UNIX seconds at which it was read.
    """

    machines: tuple[MachineStatus, ...]
    sinks: tuple[SinkStatus, ...]
    disk: DiskStatus
    database: DatabaseStatus
    time_s: float

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        return {
            "machines": [machine.to_dict() for machine in self.machines],
            "sinks": [sink.to_dict() for sink in self.sinks],
            "disk": self.disk.to_dict(),
            "database": self.database.to_dict(),
        }


def site_status(site: Site, clock: Callable[[], float] = time.time) -> SiteStatus:
    """Read the status of a site; beside a running monitor it changes nothing and waits for nothing.

    Args:
        site: machines, sinks and folders.
        clock: UNIX seconds.

    Raises:
        ConfigError: there is no machine to report on.
    """
    now_s = clock()
    stored = StoredFacts(site.state_dir / DATABASE_NAME)
    names = _machines(site, stored)
    if not names:
        raise _no_machine(site, stored.database)
    maintained = stored.maintenance(now_s)
    found = (
        replace(
            _machine(site, name, stored, now_s),
            maintenance=_maintenance(site, name, maintained.get(name), now_s),
        )
        for name in names
    )
    machines = sorted(found, key=lambda one: (one.rank, one.machine))
    sinks = sink_statuses(site, stored.delivery_counts())
    return SiteStatus(tuple(machines), tuple(sinks), _disk(site), stored.database, now_s)


def _machines(site: Site, stored: StoredFacts) -> list[str]:
    """Return the machines of the site file and those that a monitor watches; without any, all that are stored."""
    names = dict.fromkeys(site.machines)
    for file in sorted(site.state_dir.glob(f"{_LOCK_PREFIX}*{_LOCK_SUFFIX}")):
        if is_locked(file):
            names[file.name.removeprefix(_LOCK_PREFIX).removesuffix(_LOCK_SUFFIX)] = None
    if not site.machines:
        names |= dict.fromkeys(stored.machines())
    return list(names)


def _no_machine(site: Site, database: DatabaseStatus) -> ConfigError:
    if database.error is not None:
        return ConfigError(database.error, hint="restart the monitor: it sets a damaged file aside")
    hint = (
        "start `anomaly monitor`, or name the folder of a monitor with --state or its site file with --config;"
        " `anomaly train --machine NAME` makes the model that it needs"
    )
    if not os.path.isdir(site.state_dir):
        return ConfigError(
            "there is no such state folder: nothing was monitored yet", where=site.state_dir, hint=hint
        )
    return ConfigError("no machine was monitored here yet", where=site.state_dir, hint=hint)


def _machine(site: Site, name: str, stored: StoredFacts, now_s: float) -> MachineStatus:
    settings = site.machines.get(name) or Machine(device="none")
    summary, budget = stored.summary(name), None
    if not stored.is_empty:
        budget = budget_status(
            settings.false_alarms_per_day, summary.scored_s, stored.opened(name), stored.feedback(name)
        )
    return machine_status(
        name,
        summary,
        stored.open_cases(name),
        monitored=is_locked(site.state_dir / f"{_LOCK_PREFIX}{name}{_LOCK_SUFFIX}"),
        model=_bundle_label(site, name, settings.detector),
        budget=budget,
        now_s=now_s,
        stale=stored.database.fault if stored.database.is_stale else "",
    )


def _maintenance(
    site: Site, name: str, by_hand: MaintenanceRow | None, now_s: float
) -> MaintenanceStatus | None:
    if by_hand is not None:
        return MaintenanceStatus(by_hand.end_s, by_hand.who, by_hand.note)
    return MaintenanceStatus() if site.is_in_planned_maintenance(name, now_s) else None


def _bundle_label(site: Site, name: str, detector: str) -> str | None:
    """Return what a monitor would load for a machine, or None if there is no bundle."""
    try:
        return model_label(detector, version_of(site.models_dir / site.bundle_of(name)))
    except AnomalyError:
        return None


def _disk(site: Site) -> DiskStatus:
    there = site.state_dir.absolute()
    while not there.exists():
        there = there.parent
    usage = shutil.disk_usage(there)
    low = usage.free < site.clips.free_mib * 2**20
    return DiskStatus(site.state_dir, usage.free, usage.total, low, disk_fault(site.state_dir))
