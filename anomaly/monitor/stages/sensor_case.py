"""The sensor case of a machine: opened when the microphone fails, closed when it is well again."""

from __future__ import annotations

from collections import deque
from typing import Any

from anomaly.audio.sensor.faults import SENSOR_FAULTS
from anomaly.audio.sensor.health import Health
from anomaly.audio.sensor.persistence import BAD_AFTER_S, SensorPersistence
from anomaly.errors import ConfigError
from anomaly.monitor.events import EventName
from anomaly.monitor.journal import Journal
from anomaly.monitor.stages.settled_case import SETTLE_S, normal_since_s
from anomaly.store.cases.case import Case, iso_utc
from anomaly.store.outbox.message import AlertMessage
from anomaly.store.store import Store

# How often to look whether somebody has closed the case.
_LOOK_EVERY_S = 10.0


class SensorCase:
    """Keeps at most one case about the microphone.

    Args:
        store: where the case lies; one left open by an earlier run is taken up.
        journal: publishes and stores the events.
    """

    def __init__(self, store: Store, journal: Journal) -> None:
        self._store, self._journal = store, journal
        open_now = store.cases.select(open_only=True, machine=journal.machine)
        self._case: Case | None = next((case for case in open_now if case.kind == "sensor"), None)
        fault = None if self._case is None else str(self._case.evidence.get("status", "lost"))
        self._persistence = SensorPersistence(fault)
        self._looked_s = 0.0
        self._stop_levels: deque[tuple[float, ...]] = deque(maxlen=BAD_AFTER_S)

    @property
    def fault(self) -> str | None:
        """Status of the fault in force, one of the keys of ``SENSOR_FAULTS``; None while the sensor is trusted."""
        return self._persistence.fault

    def second(self, health: Health, stop_levels: tuple[float, ...] | None = None) -> bool:
        """Take the health of one second; return whether the second can be trusted.

        Args:
            health: its status.
            stop_levels: levels of a second that may be a stop, see `OperatingResult.unlearned_stop`.
        """
        before = self.fault
        if stop_levels is not None:
            self._stop_levels.append(stop_levels)
        trusted = self._persistence.second(health.status)
        if self.fault is None and (before is not None or (self._case is not None and self._is_due())):
            self._recover()
        elif self.fault is not None and health.status != "ok":
            self._report(before, f"{health.level_dbfs:.0f} dBFS")
        return trusted

    def fail(self, fault: str, reason: str) -> None:
        """Report a fault that shows in no second; calling it again while that lasts is harmless."""
        before = self.fault
        self._persistence.fail(fault)
        if fault == "lost" and before != "lost":
            self._journal.store(EventName.DEVICE_LOST, reason)
        self._report(before, reason)

    def _report(self, before: str | None, reason: str) -> None:
        if self.fault is None:
            return
        closed = self._closed()
        if closed is not None and self.fault == "unlearned-stop" and self._is_settled(closed):
            return
        if self.fault != before or self._is_due() or self._case is None or closed is not None:
            self._write(self.fault, reason)

    def _closed(self) -> Case | None:
        """Return the case as stored now if somebody has closed it while the fault is in force."""
        if self._case is None:
            return None
        try:
            stored = self._store.cases.get(self._case.id)
        except ConfigError:
            return None  # writing reports it
        return None if stored is None or stored.is_open else stored

    def _is_settled(self, closed: Case) -> bool:
        """Return whether the model that knows a confirmed stop is still to be taken up."""
        try:
            since_s = normal_since_s(self._store, closed)
        except ConfigError:
            return False
        return since_s is not None and self._journal.time_s - since_s < SETTLE_S

    def _is_due(self) -> bool:
        return abs(self._journal.time_s - self._looked_s) >= _LOOK_EVERY_S

    def _write(self, fault: str, reason: str) -> None:
        journal = self._journal
        case = Case(
            journal.machine,
            "sensor",
            iso_utc(journal.time_s),
            f"{journal.machine}: {SENSOR_FAULTS[fault]} ({reason})",
            evidence=self._evidence(fault),
        )
        known = None if self._case is None else self._case.id
        with journal.tolerate_store_errors():
            # One that somebody closed in the meantime is opened anew: the microphone is still faulty.
            message = AlertMessage("case.opened", journal.machine, case.opened_at)
            self._case = self._store.cases.open(case, message)
            self._looked_s = journal.time_s
            if self._case is not None and self._case.id != known:
                opened = self._case
                journal.emit(
                    EventName.CASE_OPENED, opened.summary, case=opened.id, kind="sensor", fault=fault
                )

    def _evidence(self, fault: str) -> dict[str, Any]:
        """Return the status, and of a possible stop the levels by which a person may confirm it."""
        if fault != "unlearned-stop" or not self._stop_levels:
            return {"status": fault}
        levels = [sum(band) / len(self._stop_levels) for band in zip(*self._stop_levels, strict=True)]
        return {"status": fault, "stop_levels_db": [round(level, 2) for level in levels]}

    def _recover(self) -> None:
        """Close the case; one that could not be closed is tried again later."""
        message, case = "the microphone is well again", self._case
        self._looked_s = self._journal.time_s
        if case is None:
            self._journal.emit(EventName.SENSOR_RECOVERED, message)
            return
        with self._journal.tolerate_store_errors():
            self._store.cases.close(case.id, note=message)
            self._journal.emit(EventName.SENSOR_RECOVERED, message, case=case.id)
            self._case = None
