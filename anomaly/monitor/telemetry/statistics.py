"""The figures that the monitor keeps of itself; ``metrics`` shows them to Prometheus."""

from __future__ import annotations

import bisect
import threading
from collections import Counter
from dataclasses import dataclass, field

from anomaly.monitor.records import EventRecord, Record, SecondRecord

# Seconds from the last sample of a second to its published score.
DELAY_BUCKETS_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)


@dataclass
class MachineStatistics:
    """One machine's.

    Args:
        last: its newest second.
        seconds: how many were judged.
        events: how often each event has happened; gaps are told together, and counted one by one.
        cases: how many cases were opened, by kind.
        heard_s: UNIX seconds of the newest sound.
        delays: how many scores came within each bucket, and later than all of them.
        delay_sum_s: of all scores.
        model: the first digits of its bundle's hash.
        capture: state of its capture; "" for a file or a pipe.
    """

    last: SecondRecord | None = None
    seconds: int = 0
    events: Counter[str] = field(default_factory=Counter)
    cases: Counter[str] = field(default_factory=Counter)
    heard_s: float | None = None
    delays: list[int] = field(default_factory=lambda: [0] * (len(DELAY_BUCKETS_S) + 1))
    delay_sum_s: float = 0.0
    model: str = ""
    capture: str = ""


@dataclass
class SiteStatistics:
    """What the thread behind the scenes measures now and then, in bytes and numbers."""

    database_bytes: int = 0
    disk_free_bytes: int = 0
    clips: int = 0
    clips_bytes: int = 0
    pending: dict[str, int] = field(default_factory=dict)


class MonitorStatistics:
    """All figures; the sound's thread writes, the reader's thread reads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.machines: dict[str, MachineStatistics] = {}
        self.site = SiteStatistics()

    def machine(self, name: str) -> MachineStatistics:
        """The figures of a machine."""
        with self.lock:
            return self.machines.setdefault(name, MachineStatistics())

    def heard(self, machine: str, time_s: float) -> None:
        """Note that sound arrived."""
        self.machine(machine).heard_s = time_s

    def record(self, record: Record, now_s: float, *, live: bool) -> None:
        """Take a record that is being published at a UNIX time; delays mean something only of live sound."""
        mine = self.machine(record.machine)
        with self.lock:
            if isinstance(record, EventRecord):
                mine.events[record.event] += (
                    int(record.detail.get("gaps", 1)) if record.event == "audio.gap" else 1
                )
                if record.event == "case.opened":
                    mine.cases[str(record.detail.get("kind", "machine"))] += 1
                elif record.event == "capture.state":
                    mine.capture = str(record.detail["to"])
                return
            mine.last = record
            mine.seconds += 1
            if live:
                delay_s = max(0.0, now_s - record.time_s)
                mine.delays[bisect.bisect_left(DELAY_BUCKETS_S, delay_s)] += 1
                mine.delay_sum_s += delay_s
