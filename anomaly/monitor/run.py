"""One monitor from start to end: which machine, which sound, where alerts go, and a clean stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from anomaly.alerts.lock import FileLock
from anomaly.alerts.outbox import Dispatcher
from anomaly.alerts.sinks import Sink, build_sinks
from anomaly.alerts.store import DATABASE_NAME, Store
from anomaly.audio.channels import Channel
from anomaly.audio.stream import STDIN
from anomaly.bundle import open_bundle
from anomaly.config import Machine, Site
from anomaly.detect.decision import limit_for
from anomaly.detect.model import DetectorName, load_model
from anomaly.errors import ConfigError, InputError
from anomaly.monitor.records import Record
from anomaly.monitor.sources import Heard, Source, from_file, from_microphone, from_stdin
from anomaly.monitor.stop import Stop, on_sigterm
from anomaly.monitor.watch import Watch
from anomaly.workspace import choose_machine

_DRAIN_S = 10.0


@dataclass(frozen=True)
class Plan:
    """What to monitor.

    Args:
        machine: name of the bundle.
        device: microphone, or None to listen to ``source``.
        source: a file, or "-" for standard input.
        channel: of the microphone or file.
        detector: student or teacher.
        false_alarms_per_day: the budget.
        realtime: play a file at its own pace.
    """

    machine: str
    device: str | None
    source: str | None
    channel: Channel
    detector: DetectorName
    false_alarms_per_day: float
    realtime: bool = True


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
    name = choose_machine(site.models_dir, machine)
    return name, site.machines.get(name)


def monitor(
    plan: Plan, site: Site, show: Callable[[Record], None], *, sinks: Sequence[Sink] | None = None
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
    with on_sigterm(stop), closing(_sound(plan, stop)) as sound:
        scorer = load_model(open_bundle(site.models_dir / plan.machine)).scorer(plan.detector)
        limit = limit_for(plan.false_alarms_per_day, scorer.calibration.dependence)
        targets = build_sinks(_announcing(site, plan)) if sinks is None else sinks
        # Only when there is sound are folders made and is anything written.
        if (first := next(sound, None)) is None:
            return 0
        with (
            Store.open(site.state_dir / DATABASE_NAME) as store,
            _alone(site.state_dir, plan.machine),
            Dispatcher(store, targets) as dispatcher,
        ):
            watch = Watch(plan.machine, scorer, limit, store)
            try:
                _listen(watch, first, sound, stop, show)
            finally:
                watch.finish()
                dispatcher.drain(_DRAIN_S)
    if watch.seconds == 0 and plan.source is not None and not stop.asked:
        raise InputError("holds less than a second of sound", where=plan.source)
    return watch.alarms


@contextmanager
def _alone(state_dir: Path, machine: str) -> Iterator[None]:
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


def _announcing(site: Site, plan: Plan) -> Site:
    """The site with the machine in it, so that a broker shows its state though the file does not name it."""
    unknown = Machine(device=plan.device or plan.source or "none")
    return site.model_copy(update={"machines": {plan.machine: unknown, **site.machines}})


def _listen(watch: Watch, first: Heard, sound: Source, stop: Stop, show: Callable[[Record], None]) -> None:
    with closing(sound):
        for heard in chain([first], sound):
            for record in watch.hear(heard):
                show(record)
            if stop.asked:
                return


def _sound(plan: Plan, stop: Stop) -> Source:
    if plan.source == STDIN:
        return from_stdin(stop, channel=plan.channel)
    if plan.source is not None:
        return from_file(Path(plan.source), stop, realtime=plan.realtime, channel=plan.channel)
    if plan.device is None:
        raise ConfigError(
            "there is nothing to listen to", hint="give --device or --source, or a site.yaml with a device"
        )
    return from_microphone(plan.device, stop, channel=plan.channel)
