"""Run of the demo from simulation to report."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from anomaly import atomic
from anomaly.alerts.sinks.webhook.webhook_sink import WebhookSink
from anomaly.alerts.webhook_receiver import WebhookReceiver
from anomaly.config import Site
from anomaly.demo import scenes
from anomaly.demo.report import write
from anomaly.demo.result import DemoResult, MonitorRecords
from anomaly.demo.trial import BUDGET_PER_DAY, run_trial
from anomaly.detect.model import load_model
from anomaly.errors import ConfigError, RemoteError
from anomaly.monitor.plan import MonitorPlan
from anomaly.monitor.records import Record, SecondRecord
from anomaly.monitor.run import monitor
from anomaly.progress import Report
from anomaly.store.store import DATABASE_NAME
from anomaly.training.pipeline import TrainingRequest, train

_MARK = ".anomaly-demo"
_DELIVERY_S = 15.0


def run_demo(
    out: Path, *, seconds: float, seed: int, report: Report, show: Callable[[Record], None]
) -> DemoResult:
    """Simulate, train, monitor, alert, test and report.

    Args:
        out: folder for everything the demo makes.
        seconds: length of the failing pump's recording.
        seed: of the machine's sounds and of the training.
        report: progress of the long stages.
        show: receives each record of the monitor.

    Raises:
        ConfigError: the folder holds files that no demo wrote.
        AnomalyError: a stage failed.
        RemoteError: no alarm was raised, or its alert did not arrive.
    """
    clock = _Clock()
    _claim_folder(out)
    with clock.stage("simulating", report):
        data = scenes.write_healthy(out / "data" / scenes.MACHINE, seed)
        recording = scenes.write_failing(out / "failing.wav", seconds, seed)
    with clock.stage("training", lambda *_: None):
        request = TrainingRequest(scenes.MACHINE, data, out / "models", profile="fast", seed=seed)
        trained = train(request, report=report)
    with clock.stage("watching", report):
        monitored, alert = _monitor(out, recording, show)
    with clock.stage("testing", report):
        model = load_model(trained.bundle)
        trial = run_trial(model, seed)
    limit = model.scorer("student").calibration.limit(BUDGET_PER_DAY)
    begins_s = scenes.fault_begins_s(seconds)
    result = DemoResult(out, trained, monitored, alert, trial, limit, begins_s, clock.took_s)
    with clock.stage("reporting", report):
        write(result, recording)
    return result


def _claim_folder(out: Path) -> None:
    """Mark the folder as the demo's; refuse one with files that no earlier demo wrote."""
    mark = out / _MARK
    if out.is_dir() and any(out.iterdir()) and not mark.is_file():
        raise ConfigError("is not empty, and no demo made it", where=out, hint="give a new folder with --out")
    atomic.check_writable(out, "--out")
    atomic.write_bytes(mark, b"Made by `anomaly demo`, which may write over everything here.\n")


def _monitor(
    out: Path, recording: Path, show: Callable[[Record], None]
) -> tuple[MonitorRecords, Mapping[str, Any]]:
    """Monitor the recording with a web hook whose receiver checks the signature."""
    state = out / "state"
    # With an open case of an earlier demo in the store there would be no new alert.
    for old in state.glob(f"{DATABASE_NAME}*"):
        old.unlink()
    site = Site(models_dir=out / "models", state_dir=state)
    plan = MonitorPlan(
        scenes.MACHINE, None, str(recording), "mean", "student", BUDGET_PER_DAY, realtime=False
    )
    monitored, key = MonitorRecords(), secrets.token_bytes(32)

    def keep(record: Record) -> None:
        if isinstance(record, SecondRecord):
            monitored.seconds.append(record)
        else:
            monitored.events.append(record)
        show(record)

    with WebhookReceiver(key) as receiver:
        monitor([plan], site, keep, sinks=[WebhookSink("demo", receiver.url, secret=key, allow_private=True)])
        arrived = monitored.alarm_s() is not None and receiver.wait_for(1, _DELIVERY_S)
        opened = [m for m in receiver.messages if m.get("event") == "case.opened"]
    if not arrived or not opened:
        raise RemoteError(
            "no alert arrived at the demo's receiver", hint="try a longer --seconds or another --seed"
        )
    return monitored, opened[0]


class _Clock:
    """Durations of the stages."""

    def __init__(self) -> None:
        self.took_s: dict[str, float] = {}

    def stage(self, name: str, report: Report) -> _Stage:
        return _Stage(self, name, report)


class _Stage:
    def __init__(self, clock: _Clock, name: str, report: Report) -> None:
        self._clock, self._name, self._report = clock, name, report

    def __enter__(self) -> None:
        self._begun = time.perf_counter()
        self._report(self._name, 0.0)

    def __exit__(self, *_: object) -> None:
        self._clock.took_s[self._name] = round(time.perf_counter() - self._begun, 2)
        self._report(self._name, 1.0)
