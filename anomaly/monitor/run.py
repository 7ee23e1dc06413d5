"""One monitor from start to end: which machine, which sound, where alerts go, and a clean stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from anomaly.alerts.outbox import Dispatcher
from anomaly.alerts.sinks import Sink, build_sinks
from anomaly.alerts.store import DATABASE_NAME, Store
from anomaly.audio.channels import Channel
from anomaly.bundle import open_bundle
from anomaly.config import Machine, Site
from anomaly.detect.decision import limit_for
from anomaly.detect.model import DetectorName, load_model
from anomaly.errors import ConfigError
from anomaly.monitor.records import Record
from anomaly.monitor.sources import Heard, from_file, from_microphone, from_stdin
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
    model = load_model(open_bundle(site.models_dir / plan.machine))
    scorer = model.scorer(plan.detector)
    limit = limit_for(plan.false_alarms_per_day, scorer.calibration.dependence)
    targets = build_sinks(site) if sinks is None else list(sinks)
    stop = threading.Event()
    with ExitStack() as stack:
        heard = _sound(plan, stop)
        store = stack.enter_context(Store.open(site.state_dir / DATABASE_NAME))
        dispatcher = stack.enter_context(Dispatcher(store, targets))
        watch = Watch(plan.machine, scorer, limit, store)
        stack.callback(dispatcher.drain, _DRAIN_S)
        stack.callback(watch.finish)
        with _stopped_by_sigterm(stop):
            for piece in heard:
                for record in watch.hear(piece):
                    show(record)
                if stop.is_set():
                    break
    return watch.alarms


def _sound(plan: Plan, stop: threading.Event) -> Iterator[Heard]:
    if plan.source == "-":
        return from_stdin(channel=plan.channel)
    if plan.source is not None:
        return from_file(Path(plan.source), realtime=plan.realtime, channel=plan.channel)
    if plan.device is None:
        raise ConfigError(
            "there is nothing to listen to", hint="give --device or --source, or a site.yaml with a device"
        )
    return from_microphone(plan.device, channel=plan.channel, wait=stop.wait)


@contextmanager
def _stopped_by_sigterm(stop: threading.Event) -> Iterator[None]:
    """SIGTERM ends the watch after the block at hand; everything is written and the exit code is 0."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = signal.signal(signal.SIGTERM, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
