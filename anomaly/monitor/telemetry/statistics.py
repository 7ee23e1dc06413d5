"""Statistics of the running monitor; `metrics` exports them to Prometheus."""

from __future__ import annotations

import bisect
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.monitor.event_bus import EventBus
from anomaly.monitor.events import EventName, ModelActivated
from anomaly.monitor.records import EventRecord, SecondRecord
from anomaly.monitor.sources.events import SoundBlock
from anomaly.store.state_kinds import JUDGED_STATES, STALE_S

# Upper bounds of the histogram: seconds from the last sample of a second to its published score.
DELAY_BUCKETS_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)


@dataclass
class MachineStatistics:
    """Statistics of one machine.

    Args:
        last: its newest second.
        seconds: number of scored seconds.
        events: number of events by name; gaps are reported together and counted one by one.
        cases: number of opened cases by kind.
        last_sound_s: UNIX seconds of the newest sound.
        delays: number of scores by bucket of their delay, the last for all longer delays.
        delay_sum_s: sum over all scores.
        model: version of its bundle.
        capture: state of its capture; "" for a file or a pipe.
        sensor_fault: a fault of its microphone is in force.
    """

    last: SecondRecord | None = None
    seconds: int = 0
    events: Counter[str] = field(default_factory=Counter)
    cases: Counter[str] = field(default_factory=Counter)
    last_sound_s: float | None = None
    delays: list[int] = field(default_factory=lambda: [0] * (len(DELAY_BUCKETS_S) + 1))
    delay_sum_s: float = 0.0
    model: str = ""
    capture: str = ""
    sensor_fault: bool = False

    def is_judged(self, now_s: float) -> bool:
        """Return whether the newest second describes the state of the machine at a UNIX time."""
        if self.last is None or self.last.score is None or self.last.state not in JUDGED_STATES:
            return False
        stale = self.last_sound_s is not None and now_s - self.last_sound_s > STALE_S
        return not (self.sensor_fault or stale)


@dataclass
class SiteStatistics:
    """Sizes and counts of the site, measured at intervals by the background worker."""

    database_bytes: int = 0
    disk_free_bytes: int = 0
    clips: int = 0
    clips_bytes: int = 0
    pending: dict[str, int] = field(default_factory=dict)


class MonitorStatistics:
    """Statistics of all machines and of the site; the sound thread writes them, others read them under the lock.

    Args:
        clock: UNIX seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.lock = threading.Lock()
        self.machines: dict[str, MachineStatistics] = {}
        self.site = SiteStatistics()

    @property
    def now_s(self) -> float:
        """UNIX seconds."""
        return self._clock()

    def machine(self, name: str) -> MachineStatistics:
        """Return the statistics of a machine."""
        with self.lock:
            return self.machines.setdefault(name, MachineStatistics())

    def update_site(self, site: SiteStatistics) -> None:
        """Replace the measurements of the site."""
        with self.lock:
            self.site = site

    def subscribe(self, bus: EventBus, machine: str, version: str, *, live: bool) -> None:
        """Follow the session of a machine.

        Args:
            bus: of the session.
            machine: its name.
            version: of its bundle.
            live: the sound comes from a microphone or stream; only then are delays measured.
        """
        recorder = _MachineRecorder(self.machine(machine), self.lock, self._clock if live else None)
        recorder.model(version)
        bus.subscribe(SoundBlock, recorder.sound)
        bus.subscribe(SecondRecord, recorder.second)
        bus.subscribe(EventRecord, recorder.event)
        bus.subscribe(ModelActivated, lambda activated: recorder.model(activated.model.version))


class _MachineRecorder:
    """Writes the statistics of one machine."""

    def __init__(
        self, machine: MachineStatistics, lock: threading.Lock, clock: Callable[[], float] | None
    ) -> None:
        self._machine, self._lock, self._clock = machine, lock, clock

    def model(self, version: str) -> None:
        with self._lock:
            self._machine.model = version

    def sound(self, block: SoundBlock) -> None:
        with self._lock:
            self._machine.last_sound_s = block.time_s + len(block.samples) / SAMPLE_RATE_HZ

    def second(self, record: SecondRecord) -> None:
        with self._lock:
            self._machine.last = record
            self._machine.seconds += 1
            if self._clock is not None:
                delay_s = max(0.0, self._clock() - record.time_s)
                self._machine.delays[bisect.bisect_left(DELAY_BUCKETS_S, delay_s)] += 1
                self._machine.delay_sum_s += delay_s

    def event(self, record: EventRecord) -> None:
        gaps = record.event is EventName.AUDIO_GAP
        with self._lock:
            self._machine.events[record.event] += int(record.detail.get("gaps", 1)) if gaps else 1
            if record.event is EventName.CASE_OPENED:
                kind = str(record.detail.get("kind", "machine"))
                self._machine.cases[kind] += 1
                self._machine.sensor_fault = self._machine.sensor_fault or kind == "sensor"
            elif record.event is EventName.DEVICE_LOST:
                self._machine.sensor_fault = True
            elif record.event is EventName.SENSOR_RECOVERED:
                self._machine.sensor_fault = False
            elif record.event is EventName.CAPTURE_STATE:
                self._machine.capture = str(record.detail["to"])
