"""Run of the monitor from start to end, for one machine or many."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from anomaly.alerts.answers.answer_service import AnswerService, answer_secrets
from anomaly.alerts.delivery_rules import delivery_rules
from anomaly.alerts.outbox import Dispatcher
from anomaly.alerts.sinks import Sink, build_sinks
from anomaly.audio.files.stream import STDIN
from anomaly.config import Machine, Site
from anomaly.errors import AnomalyError, ConfigError, InputError
from anomaly.monitor.events import EventName
from anomaly.monitor.listeners import Deliveries, Listeners, SourceDelivery
from anomaly.monitor.model.model_retry import RETRY_EVERY_S, ModelRetry
from anomaly.monitor.model.session_model import SessionModel, load_session_model
from anomaly.monitor.operations import Operations
from anomaly.monitor.plan import MonitorPlan
from anomaly.monitor.process.stop import Stop, on_signals
from anomaly.monitor.records import EventRecord, Record
from anomaly.monitor.session import MachineSession
from anomaly.store.database.file_lock import FileLock
from anomaly.store.store import DATABASE_NAME, Store

_LOG = logging.getLogger(__name__)

# Messages that are not delivered within this time stay in the outbox for the next start.
DRAIN_S = 10.0
_RENEW_LOCK_S = 15.0

Show = Callable[[Record], None]


def monitor(
    plans: Sequence[MonitorPlan], site: Site, show: Show, *, sinks: Sequence[Sink] | None = None
) -> int:
    """Monitor machines until their sound ends or a stop is requested.

    A fault of one machine of several (no such bundle, no such device, sound that cannot be read) ends or delays that
    machine alone, and is reported as ``machine.failed``; a device that is missing is waited for, and a bundle that
    cannot be used is looked for every minute.

    Args:
        plans: one for each machine.
        site: sinks and folders.
        show: gets every record.
        sinks: in place of those of the site.

    Returns:
        Number of alarms that began, over all machines.

    Raises:
        AnomalyError: nothing could be monitored: the first machine's reason; or folder or sinks cannot be used.
        KeyboardInterrupt: Ctrl-C, after all data is written.
    """
    if len(plans) > 1:
        plans = [replace(plan, patient=True) for plan in plans]
        if any(plan.source == STDIN for plan in plans):
            raise ConfigError(
                "standard input is for one machine", where="source: -", hint="add --machine NAME"
            )
    stop = Stop()
    models, failures = _load_models(plans, site)
    ready = [plan for plan in plans if plan.fault is None]
    with on_signals(stop), closing(Listeners(ready, stop).deliveries()) as deliveries:
        targets = build_sinks(with_plans(site, plans)) if sinks is None else sinks
        secrets = answer_secrets(site)
        # Nothing is written before there is sound.
        first = _first(deliveries, failures, len(plans))
        if first is None:
            return 0
        with _Run(plans, models, site, show, targets, secrets) as run:
            try:
                for machine, error in failures.items():
                    run.fail(machine, error)
                run.process(first)
                for delivery in deliveries:
                    run.process(delivery)
            finally:
                # Devices are closed before waiting data is written.
                deliveries.close()
            run.end_of_sound(stop)
    if run.first_error is not None and len(run.failed) == len(plans):
        raise run.first_error
    return run.alarms


@contextmanager
def exclusive(state_dir: Path, machine: str, *, optional: bool = False) -> Iterator[FileLock]:
    """Hold the lock of a machine: scores and cases of two monitors would mix.

    Args:
        state_dir: folder of the lock file.
        machine: its name.
        optional: go on without a lock in a folder that takes no files.

    Raises:
        ConfigError: another monitor runs.
    """
    lock = FileLock(state_dir / f"monitor-{machine}.lock")
    try:
        acquired = lock.acquire(wait=False)
    except ConfigError:
        if not optional:
            raise
        acquired = True
    if not acquired:
        raise ConfigError(
            f"another monitor watches {machine}",
            where=state_dir,
            hint="stop it, or give this one a folder of its own with --state",
        )
    try:
        yield lock
    finally:
        lock.release()


def _renew(lock: FileLock, machine: str) -> None:
    """Hold the lock of a machine again if its file was removed with the state folder."""
    try:
        if not lock.acquire(wait=False):
            _LOG.error("another monitor watches %s, too: the state folder was removed; stop one", machine)
    except ConfigError as error:
        _LOG.debug("the lock of %s cannot be held: %s", machine, error)  # the disk takes no files


def with_plans(site: Site, plans: Sequence[MonitorPlan]) -> Site:
    """Return the site with these machines in it, so that a broker shows those that the file does not name."""
    unknown = {plan.machine: Machine(device=plan.device or plan.source or "none") for plan in plans}
    return site.model_copy(update={"machines": {**unknown, **site.machines}})


def _load_models(
    plans: Sequence[MonitorPlan], site: Site
) -> tuple[dict[str, SessionModel], dict[str, Exception]]:
    models: dict[str, SessionModel] = {}
    failures: dict[str, Exception] = {}
    for plan in plans:
        try:
            if plan.fault is not None:
                raise plan.fault
            models[plan.machine] = load_session_model(plan, site)
        except AnomalyError as error:
            failures[plan.machine] = error
    if not models:
        raise _all_reported(failures)
    return models, failures


def _all_reported(failures: dict[str, Exception]) -> Exception:
    """Return the reason of the first machine, after those of the others are on the log."""
    first, *others = failures.items()
    for machine, error in others:
        _LOG.error("%s is not monitored: %s", machine, error)
    return first[1]


def _first(deliveries: Deliveries, failures: dict[str, Exception], machines: int) -> SourceDelivery | None:
    """Return the first delivery with an event, and collect the errors before it.

    Raises:
        Exception: no machine has any sound; the first reason.
    """
    for delivery in deliveries:
        if delivery.error is None:
            return delivery
        failures.setdefault(delivery.machine, delivery.error)
        if len(failures) == machines:
            raise _all_reported(failures)
    if failures:
        raise _all_reported(failures)
    return None


class _Run:
    """Sessions of all machines, and their shared services; a context manager that ends them in order."""

    def __init__(
        self,
        plans: Sequence[MonitorPlan],
        models: dict[str, SessionModel],
        site: Site,
        show: Show,
        sinks: Sequence[Sink],
        secrets: Mapping[str, bytes],
    ) -> None:
        self._secrets = secrets
        self._plans, self._models, self._site, self._show, self._sinks = plans, models, site, show, sinks
        waiting = [plan for plan in plans if plan.machine not in models and plan.fault is None]
        self._retry = ModelRetry(site, waiting)
        self._sessions: dict[str, MachineSession] = {}
        self.failed: set[str] = set()
        self.first_error: Exception | None = None

    def __enter__(self) -> _Run:
        with ExitStack() as opening:
            self._store = opening.enter_context(Store.open_resilient(self._site.state_dir / DATABASE_NAME))
            watched = [plan.machine for plan in self._plans]
            self._store.cases.asset = self._site.asset_of
            self._store.cases.planned = self._site.is_in_planned_maintenance
            self._dispatcher = opening.enter_context(
                Dispatcher(
                    self._store,
                    self._sinks,
                    watched=watched,
                    rules=delivery_rules(self._site),
                    answer_url=None if self._site.answers is None else self._site.answers.address,
                )
            )
            self._operations = opening.enter_context(Operations(self._site, self._store))
            self._answers = opening.enter_context(AnswerService(self._site, self._store, self._secrets))
            self._open = opening
            for plan in self._plans:
                # Of a machine without sound or model it is known, too, that it is not judged.
                self._operations.statistics.machine(plan.machine)
                if plan.machine in self._models and (error := self._begin(plan, self._models[plan.machine])):
                    self.fail(plan.machine, error)
            self._operations.background.every(RETRY_EVERY_S, self._retry.attempt)
            self._open = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        with self._open:
            # What they change is delivered before the end.
            self._answers.stop()
            for machine, session in self._sessions.items():
                try:
                    self._publish(session.finish())
                except AnomalyError as error:
                    self.fail(machine, error)
            self._dispatcher.drain(DRAIN_S)

    @property
    def alarms(self) -> int:
        """Number of alarms that began."""
        return sum(session.pipeline.alarms for session in self._sessions.values())

    def process(self, delivery: SourceDelivery) -> None:
        """Let a machine's session process a delivery of its source; an error ends that machine alone."""
        machine = delivery.machine
        if machine not in self._sessions:
            self._process_without_session(delivery)
        elif machine in self.failed:
            return
        elif delivery.error is not None:
            self.fail(machine, delivery.error)
        elif delivery.event is not None:
            try:
                records = self._sessions[machine].process(delivery.event)
            except Exception as error:
                self.fail(machine, error)
            else:
                self._publish(records)

    def _process_without_session(self, delivery: SourceDelivery) -> None:
        """Begin the session of a machine whose model has been loaded meanwhile; its sound counts from then on."""
        machine = delivery.machine
        if delivery.error is not None:
            self._retry.forget(machine)
            if machine not in self.failed:
                self.fail(machine, delivery.error)
            return
        found = self._retry.take(machine)
        if found is None or self._begin(*found) is not None:
            return
        self.failed.discard(machine)
        version = found[1].version
        message = f"version {version} scores from here on"
        detail = {"version": version}
        self._show(EventRecord(EventName.MODEL_ACTIVATED, machine, time.time(), message, detail))
        self.process(delivery)

    def _begin(self, plan: MonitorPlan, model: SessionModel) -> AnomalyError | None:
        """Begin a machine's session; return the error if it cannot begin now, and is tried again."""
        try:
            optional = bool(self._store.fault)
            lock = self._open.enter_context(exclusive(self._site.state_dir, plan.machine, optional=optional))
            self._operations.background.every(_RENEW_LOCK_S, partial(_renew, lock, plan.machine))
            self._sessions[plan.machine] = MachineSession(plan, model, self._store, self._operations)
        except AnomalyError as error:
            self._retry.add(plan)
            return error
        return None

    def fail(self, machine: str, error: Exception) -> None:
        """Report that a machine is no longer monitored, with the reason."""
        self.failed.add(machine)
        self.first_error = self.first_error or error
        if not isinstance(error, AnomalyError):
            _LOG.error("%s is no longer monitored", machine, exc_info=error)
        now_s = time.time()
        detail: dict[str, Any] = {"error": type(error).__name__}
        self._show(EventRecord(EventName.MACHINE_FAILED, machine, now_s, str(error), detail))
        try:
            self._store.history.add_event(
                EventName.MACHINE_FAILED, machine=machine, detail=detail, time_s=now_s
            )
        except AnomalyError as full:
            _LOG.warning("the failure of %s cannot be stored: %s", machine, full)

    def end_of_sound(self, stop: Stop) -> None:
        """Report the recordings that were too short for a single score."""
        for machine, session in self._sessions.items():
            source = session.plan.source
            if session.pipeline.seconds or source is None or stop.is_due or machine in self.failed:
                continue
            self.fail(machine, InputError("holds less than a second of sound", where=source))

    def _publish(self, records: Sequence[Record]) -> None:
        for record in records:
            self._show(record)
