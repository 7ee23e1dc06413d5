"""One monitor from start to end: which machine, which sound, where alerts go, and a clean stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path

from anomaly.alerts.outbox import Dispatcher
from anomaly.alerts.sinks import Sink, build_sinks
from anomaly.audio.capture.ffmpeg import is_address
from anomaly.audio.files.stream import STDIN
from anomaly.config import Machine, Site
from anomaly.errors import ConfigError, InputError
from anomaly.monitor.operations import Operations
from anomaly.monitor.records import Record
from anomaly.monitor.session import MachineSession, MonitorPlan, load_session_model
from anomaly.monitor.sources.device_source import from_microphone, from_stream
from anomaly.monitor.sources.sources import Source, SourceEvent, from_file, from_stdin
from anomaly.monitor.stop import Stop, on_sigterm
from anomaly.store.file_lock import FileLock
from anomaly.store.store import DATABASE_NAME, Store
from anomaly.workspace import choose_machine

__all__ = ["MonitorPlan", "alone", "announcing", "choose", "monitor", "sound_of"]

DRAIN_S = 10.0


def choose(
    site: Site, machine: str | None, device: str | None, source: str | None
) -> tuple[str, Machine | None]:
    """Which machine is meant: named, tied to the device by the site file, the only one, or the only bundle.

    Raises:
        ConfigError: none or several could be meant; lists them.
    """
    tied = site.machines_on(device) if device is not None else []
    if machine is None and len(tied) == 1:
        machine = tied[0]
    if machine is None and device is None and source is None and len(site.machines) == 1:
        machine = next(iter(site.machines))
    if machine is None and len(tied) > 1:
        raise ConfigError(f"several machines listen to {device}", hint=f"say --machine {' or '.join(tied)}")
    settings = None if machine is None else site.machines.get(machine)
    if machine is not None and settings is not None and settings.model is not None:
        choose_machine(site.models_dir, settings.model)
        return machine, settings
    name = choose_machine(site.models_dir, machine)
    return name, site.machines.get(name)


def monitor(
    plan: MonitorPlan, site: Site, show: Callable[[Record], None], *, sinks: Sequence[Sink] | None = None
) -> int:
    """Watch one machine until the sound ends or the process is told to stop.

    Args:
        plan: what to monitor.
        site: sinks and folders.
        show: gets every record and event.
        sinks: in place of those of the site.

    Returns:
        How many alarms began.

    Raises:
        AnomalyError: bundle, sound, device, folder or sinks cannot be used.
    """
    stop = Stop()
    with on_sigterm(stop), closing(sound_of(plan, stop)) as sound:
        ready = load_session_model(plan, site)
        targets = build_sinks(announcing(site, [plan])) if sinks is None else sinks
        # Only when there is sound are folders made and is anything written.
        if (first := next(sound, None)) is None:
            return 0
        with (
            Store.open(site.state_dir / DATABASE_NAME) as store,
            alone(site.state_dir, plan.machine),
            Dispatcher(store, targets) as dispatcher,
            Operations(site, store) as operations,
        ):
            post = MachineSession(plan, ready, store, operations)
            try:
                _listen(post, first, sound, stop, show)
            finally:
                dispatcher.drain(DRAIN_S)
    watch = post.watch
    if watch.seconds == 0 and plan.source is not None and not stop.asked:
        raise InputError("holds less than a second of sound", where=plan.source)
    return watch.alarms


@contextmanager
def alone(state_dir: Path, machine: str) -> Iterator[None]:
    """Keep a second monitor of the same machine away: its scores and cases would mix with ours."""
    lock = FileLock(state_dir / f"monitor-{machine}.lock")
    if not lock.acquire(wait=False):
        raise ConfigError(
            f"another monitor watches {machine}",
            where=state_dir,
            hint="stop it, or give this one a folder of its own with --state",
        )
    try:
        yield
    finally:
        lock.release()


def announcing(site: Site, plans: Sequence[MonitorPlan]) -> Site:
    """The site with these machines in it, so that a broker shows their states though the file names none."""
    unknown = {plan.machine: Machine(device=plan.device or plan.source or "none") for plan in plans}
    return site.model_copy(update={"machines": {**unknown, **site.machines}})


def _listen(
    post: MachineSession, first: SourceEvent, sound: Source, stop: Stop, show: Callable[[Record], None]
) -> None:
    try:
        with closing(sound):
            for heard in chain([first], sound):
                for record in post.hear(heard):
                    show(record)
                if stop.asked:
                    return
    finally:
        for record in post.finish():
            show(record)


def sound_of(plan: MonitorPlan, stop: Stop) -> Source:
    """What a machine is heard by; nothing is opened before the first block is asked for.

    Raises:
        ConfigError: the plan names nothing to listen to.
    """
    if plan.source == STDIN:
        return from_stdin(stop, channel=plan.channel)
    if plan.source is not None and is_address(plan.source):
        return from_stream(plan.source, stop, channel=plan.channel, patient=plan.patient)
    if plan.source is not None:
        return from_file(Path(plan.source), stop, realtime=plan.realtime, channel=plan.channel)
    if plan.device is None:
        raise ConfigError(
            "there is nothing to listen to", hint="give --device or --source, or a site.yaml with a device"
        )
    return from_microphone(plan.device, stop, channel=plan.channel, patient=plan.patient)
