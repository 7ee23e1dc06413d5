"""The microphone's own case: a deaf monitor says so, and says nothing of the machine meanwhile."""

from __future__ import annotations

from anomaly.audio.sensor.health import Health
from anomaly.monitor.journal import Journal
from anomaly.store.case import Case, iso_utc
from anomaly.store.message import AlertMessage
from anomaly.store.store import Store

# Bad (good) seconds in a row until the case opens (closes).
BAD_AFTER_S, GOOD_AFTER_S = 3, 3
# How often to look whether somebody has closed the case.
_LOOK_EVERY_S = 10.0
_WORDS = {
    "silent": "the microphone hears nothing",
    "constant": "the microphone delivers one constant value",
    "clipping": "the microphone is overdriven",
    "dc-offset": "the microphone's signal has an offset",
    "repeated": "the microphone's driver delivers the same sound again and again",
    "hum": "the microphone hears nothing but the hum of the mains",
    "band-limit": "the microphone no longer hears the high frequencies",
    "gain": "the microphone's gain is another than in training",
    "processed": "something changes the sound on its way, such as an automatic gain or noise suppression",
    "low-level": "the microphone hears far less than ever in training",
    "gaps": "the sound arrives in pieces",
    "lost": "the microphone is gone",
}


class SensorCase:
    """Keeps at most one case about the microphone.

    Args:
        store: where the case lies; one left open by an earlier run is taken up.
        journal: is told what happens.
    """

    def __init__(self, store: Store, journal: Journal) -> None:
        self._store, self._journal = store, journal
        open_now = store.cases.select(open_only=True, machine=journal.machine)
        self._case: Case | None = next((case for case in open_now if case.kind == "sensor"), None)
        self.fault: str | None = None
        """What is wrong, one of the keys of ``_WORDS``; None while the machine can be heard."""
        if self._case is not None:
            self.fault = str(self._case.evidence.get("status", "lost"))
        self._bad_s = self._good_s = self._same_s = 0
        self._status = "ok"
        self._looked_s = 0.0

    def second(self, health: Health) -> None:
        """Take the health of one second."""
        self._same_s = self._same_s + 1 if health.status == self._status else 1
        self._status = health.status
        if health.status == "ok":
            self._bad_s, self._good_s = 0, self._good_s + 1
            if self.fault is not None and self._good_s >= GOOD_AFTER_S:
                self._recover()
            return
        self._bad_s, self._good_s = self._bad_s + 1, 0
        if self.fault is not None and self._same_s < BAD_AFTER_S:
            # A fault whose name flickers keeps the one that it has.
            self._good_s = 0
        elif self._bad_s >= BAD_AFTER_S:
            self.fail(health.status, f"{health.level_dbfs:.0f} dBFS")

    def fail(self, fault: str, reason: str) -> None:
        """Note that nothing can be heard, and why; calling it again while that lasts is harmless."""
        self._good_s = 0
        if fault != self.fault and fault == "lost":
            self._journal.keep("device.lost", reason)
        changed, self.fault = fault != self.fault, fault
        due = abs(self._journal.time_s - self._looked_s) >= _LOOK_EVERY_S
        if changed or due or self._case is None:
            self._write(fault, reason)

    def _write(self, fault: str, reason: str) -> None:
        journal = self._journal
        case = Case(
            journal.machine,
            "sensor",
            iso_utc(journal.time_s),
            f"{journal.machine}: {_WORDS[fault]} ({reason})",
            evidence={"status": fault},
        )
        known = None if self._case is None else self._case.id
        with journal.patiently():
            # One that somebody closed in the meantime is opened anew: the microphone is still deaf.
            message = AlertMessage("case.opened", journal.machine, case.opened_at)
            self._case = self._store.cases.open(case, message)
            self._looked_s = journal.time_s
            if self._case is not None and self._case.id != known:
                journal.say("case.opened", self._case.summary, case=self._case.id, kind="sensor", fault=fault)

    def _recover(self) -> None:
        words, case = "the microphone is well again", self._case
        if case is None:
            self._journal.say("sensor.recovered", words)
            self.fault = None
            return
        with self._journal.patiently():
            self._store.cases.close(case.id, note=words)
            self._journal.say("sensor.recovered", words, case=case.id)
            self._case = self.fault = None
