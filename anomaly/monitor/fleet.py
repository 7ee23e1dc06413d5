"""Many machines in one process: a thread listens to each device, one thread scores; none stops the others."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

from anomaly.alerts.outbox import Dispatcher
from anomaly.alerts.sinks import Sink, build_sinks
from anomaly.audio.capture.ffmpeg import is_address
from anomaly.audio.capture.inputs.resolve import resolve
from anomaly.audio.files.stream import STDIN
from anomaly.config import Site
from anomaly.errors import AnomalyError, ConfigError
from anomaly.monitor.operations import Operations
from anomaly.monitor.records import EventRecord, Record
from anomaly.monitor.run import DRAIN_S, alone, announcing, sound_of
from anomaly.monitor.session import MachineSession, MonitorPlan, SessionModel, load_session_model
from anomaly.monitor.sources.device_source import ChannelEvents, from_device, stream_target
from anomaly.monitor.sources.sources import SourceEvent
from anomaly.monitor.stop import Stop, on_sigterm
from anomaly.store.store import DATABASE_NAME, Store

_LOG = logging.getLogger(__name__)
# A listener that is so many blocks (some seconds of a microphone) ahead of the scoring waits.
_BLOCKS_AHEAD = 64
_GLANCE_S = 0.2


@dataclass(frozen=True, eq=False)
class _Said:
    """What a listener hands over: something heard, an error, or (both None) the end of the sound."""

    machine: str
    heard: SourceEvent | None = None
    error: Exception | None = None


def monitor_all(
    plans: Sequence[MonitorPlan],
    site: Site,
    show: Callable[[Record], None],
    *,
    sinks: Sequence[Sink] | None = None,
) -> int:
    """Watch several machines until their sound ends or the process is told to stop.

    What goes wrong with one machine (no such bundle, no such device, sound that cannot be read) ends or delays
    that machine alone, and is told as ``machine.failed``. A device that is not there is looked for.

    Args:
        plans: what to monitor; each machine once.
        site: sinks and folders.
        show: gets every record and event.
        sinks: in place of those of the site.

    Returns:
        How many alarms began, of all machines together.

    Raises:
        AnomalyError: nothing could be watched at all: the first machine's reason; or folder or sinks cannot be used.
    """
    if any(plan.source == STDIN for plan in plans):
        raise ConfigError("standard input is for one machine", where="source: -", hint="say --machine NAME")
    stop = Stop()
    with on_sigterm(stop), ExitStack() as opened:
        ready, failed = _all_ready(plans, site)
        targets = build_sinks(announcing(site, plans)) if sinks is None else sinks
        store = opened.enter_context(Store.open(site.state_dir / DATABASE_NAME))
        dispatcher = opened.enter_context(Dispatcher(store, targets))
        operations = opened.enter_context(Operations(site, store))
        fleet = _Fleet(store, show)
        for name, error in failed.items():
            fleet.fail(name, error)
        for plan, parts in ready:
            try:
                opened.enter_context(alone(site.state_dir, plan.machine))
                fleet.posts[plan.machine] = MachineSession(plan, parts, store, operations)
            except AnomalyError as error:
                fleet.fail(plan.machine, error)
        try:
            fleet.run(stop)
        finally:
            fleet.finish()
            dispatcher.drain(DRAIN_S)
    if fleet.first_error is not None and len(fleet.failed) == len(plans):
        raise fleet.first_error
    return fleet.alarms


def _all_ready(
    plans: Sequence[MonitorPlan], site: Site
) -> tuple[list[tuple[MonitorPlan, SessionModel]], dict[str, AnomalyError]]:
    ready: list[tuple[MonitorPlan, SessionModel]] = []
    failed: dict[str, AnomalyError] = {}
    for plan in plans:
        try:
            ready.append((plan, load_session_model(plan, site)))
        except AnomalyError as error:
            failed[plan.machine] = error
    if not ready:
        # Nothing is written where nothing can be watched.
        raise next(iter(failed.values()))
    return ready, failed


class _Fleet:
    """The machines that are watched, by name."""

    def __init__(self, store: Store, show: Callable[[Record], None]) -> None:
        self.posts: dict[str, MachineSession] = {}
        self.failed: set[str] = set()
        self.first_error: Exception | None = None
        self._store, self._show = store, show

    @property
    def alarms(self) -> int:
        """How many alarms began."""
        return sum(post.watch.alarms for post in self.posts.values())

    def run(self, stop: Stop) -> None:
        """Score what the listeners hear until the last of them has ended."""
        with _Listeners([post.plan for post in self.posts.values()], stop) as listeners:
            for said in listeners.said():
                if said.machine in self.failed:
                    continue
                try:
                    if said.error is not None:
                        raise said.error
                    if said.heard is not None:
                        for record in self.posts[said.machine].hear(said.heard):
                            self._show(record)
                except (BrokenPipeError, KeyboardInterrupt):
                    raise
                except Exception as error:
                    # Whatever it is: the other machines are still to be heard.
                    self.fail(said.machine, error)

    def fail(self, machine: str, error: Exception) -> None:
        """Tell that a machine is no longer watched, and why."""
        self.failed.add(machine)
        self.first_error = self.first_error or error
        if not isinstance(error, AnomalyError):
            _LOG.error("%s is no longer watched", machine, exc_info=error)
        now_s = time.time()
        detail: dict[str, Any] = {"error": type(error).__name__}
        self._show(EventRecord("machine.failed", machine, now_s, str(error), detail))
        try:
            self._store.history.add_event("machine.failed", machine=machine, detail=detail, time_s=now_s)
        except AnomalyError as full:
            _LOG.warning("the failure of %s cannot be stored: %s", machine, full)

    def finish(self) -> None:
        """Write what has not been written yet, machine by machine."""
        for machine, post in self.posts.items():
            try:
                for record in post.finish():
                    self._show(record)
            except AnomalyError as error:
                self.fail(machine, error)


class _Listeners:
    """A thread per device or source; what they hear comes out in one place."""

    def __init__(self, plans: Sequence[MonitorPlan], stop: Stop) -> None:
        self._queue: queue.Queue[_Said] = queue.Queue(_BLOCKS_AHEAD * max(1, len(plans)))
        self._stop = stop
        groups: dict[str, list[MonitorPlan]] = {}
        for plan in plans:
            # Machines at the channels of one device share its capture process.
            key = f"device {plan.device}" if plan.live else f"machine {plan.machine}"
            groups.setdefault(f"{key} {plan.source}", []).append(plan)
        self._threads = [
            threading.Thread(target=self._listen, args=(group,), name=f"ear-{group[0].machine}", daemon=True)
            for group in groups.values()
        ]

    def __enter__(self) -> _Listeners:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Each of them lets its device go before the process ends.
        self._stop.ask()
        for thread in self._threads:
            thread.join(10.0)

    def said(self) -> Iterator[_Said]:
        """What is heard, as it comes, until all listeners have ended or the process is told to stop."""
        while not self._stop.asked:
            try:
                yield self._queue.get(timeout=_GLANCE_S)
            except queue.Empty:
                if not any(thread.is_alive() for thread in self._threads) and self._queue.empty():
                    return

    def _listen(self, group: list[MonitorPlan]) -> None:
        try:
            with closing(_heards(group, self._stop)) as heards:
                for heard_by_each in heards:
                    for plan, heard in zip(group, heard_by_each, strict=True):
                        if heard is not None and not self._put(_Said(plan.machine, heard)):
                            return
        except Exception as error:
            for plan in group:
                self._put(_Said(plan.machine, error=error))

    def _put(self, said: _Said) -> bool:
        while not self._stop.asked:
            try:
                self._queue.put(said, timeout=_GLANCE_S)
                return True
            except queue.Full:
                continue
        return False


def _heards(group: list[MonitorPlan], stop: Stop) -> Any:
    """What a group of machines at one device or source hears, for each of them."""
    first = group[0]
    channels = [plan.channel for plan in group]
    device, source = first.device, first.source
    if source is not None and is_address(source):
        return from_device(lambda: stream_target(source), stop, channels, patient=True)
    if source is None and device is not None:
        return from_device(lambda: resolve(device), stop, channels, patient=True)
    return _alone_at(first, stop)


def _alone_at(plan: MonitorPlan, stop: Stop) -> Iterator[ChannelEvents]:
    with closing(sound_of(plan, stop)) as sound:
        for heard in sound:
            yield (heard,)
