"""One machine under watch, with all that happens around it: what every block of its sound goes through."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from anomaly.audio.capture.ffmpeg import is_address
from anomaly.audio.channels import Channel
from anomaly.audio.sensor.sensor_check import SensorCheck
from anomaly.bundle import Bundle, open_bundle, versions
from anomaly.config import Site
from anomaly.detect.calibration.versions import with_calibration_in_use
from anomaly.detect.decision import Limit, Policy
from anomaly.detect.model import Model, load_model
from anomaly.detect.scoring import Scorer
from anomaly.monitor.model_switch import NextModel
from anomaly.monitor.offline.calibration_filter import scored_by
from anomaly.monitor.operations import MachineContext, MachineServices, Operations
from anomaly.monitor.pipeline import MonitorPipeline
from anomaly.monitor.records import Record
from anomaly.monitor.sources.sources import SourceEvent
from anomaly.store.store import Store


@dataclass(frozen=True)
class MonitorPlan:
    """What to monitor.

    Args:
        machine: its name.
        device: microphone, or None to listen to ``source``.
        source: a file, the address of a stream, or "-" for standard input.
        channel: of the microphone, stream or file.
        detector: name of the detector, such as student.
        false_alarms_per_day: the budget.
        realtime: play a file at its own pace.
        model: name of the bundle; "" for that of the machine.
        patient: a microphone or stream that is not there at the start is looked for, as one is that was lost.
    """

    machine: str
    device: str | None
    source: str | None
    channel: Channel
    detector: str
    false_alarms_per_day: float
    realtime: bool = True
    model: str = ""
    patient: bool = False

    @property
    def bundle(self) -> str:
        """Name of the bundle that scores."""
        return self.model or self.machine

    @property
    def live(self) -> bool:
        """Whether the sound comes by itself, from a microphone or a stream."""
        return self.source is None or is_address(self.source)


@dataclass(frozen=True, eq=False)
class SessionModel:
    """What scores one machine, the limit of its decision and what surrounds it, what judges its microphone, and the
    bundle's version."""

    scorer: Scorer
    limit: Limit
    sensor: SensorCheck
    policy: Policy
    version: str


def load_session_model(plan: MonitorPlan, site: Site) -> SessionModel:
    """Load what a machine needs.

    Raises:
        ModelError: the bundle cannot be used.
        ConfigError: the budget cannot be kept.
    """
    bundle = open_bundle(site.models_dir / plan.bundle)
    model = load_model(bundle, (plan.detector,), state_dir=site.state_dir, machine=plan.machine)
    scorer = _calibrated(model, bundle, plan, site.state_dir)
    limit = scorer.calibration.limit(plan.false_alarms_per_day)
    return SessionModel(
        scorer, limit, _sensor(model), policy_of(site, plan.machine), versions.version_of(bundle.path)
    )


def policy_of(site: Site, machine: str) -> Policy:
    """When an alarm of a machine begins and ends around its limit, as the site file says."""
    settings = site.machines.get(machine)
    return Policy() if settings is None else Policy(**settings.alarm.model_dump())


def load_next_model(version: str, bundle: Bundle, plan: MonitorPlan, state_dir: Path) -> NextModel:
    """What takes over when another bundle, or another calibration of it, was put into use.

    Raises:
        ModelError: the bundle cannot be used.
        ConfigError: the budget cannot be kept.
    """
    model = load_model(bundle, (plan.detector,), state_dir=state_dir, machine=plan.machine)
    scorer = _calibrated(model, bundle, plan, state_dir)
    limit = scorer.calibration.limit(plan.false_alarms_per_day)
    return NextModel(version, scorer, limit, _sensor(model))


def _sensor(model: Model) -> SensorCheck:
    return SensorCheck(model.sensor, gain_matters=not model.front_end.level_normalise)


def _calibrated(model: Model, bundle: Bundle, plan: MonitorPlan, state_dir: Path) -> Scorer:
    version = versions.version_of(bundle.path)
    return with_calibration_in_use(model.scorer(plan.detector), state_dir, plan.machine, version)


class MachineSession:
    """Watches one machine.

    Args:
        plan: what to monitor.
        ready: what it is scored with.
        store: where scores, events and cases go.
        operations: of this process.
    """

    def __init__(self, plan: MonitorPlan, ready: SessionModel, store: Store, operations: Operations) -> None:
        self.plan = plan
        model = scored_by(plan.detector, ready.version)
        self.watch = MonitorPipeline(
            plan.machine, ready.scorer, ready.limit, store, ready.sensor, ready.policy, model
        )
        self.watch.write_behind(operations.backstage.submit)
        ear = MachineContext(plan.machine, plan.bundle, plan.detector, ready.scorer.front_end, live=plan.live)
        # A bundle that several machines share is taken up by each of them, with a calibration of its own.
        follow = partial(load_next_model, plan=plan, state_dir=store.path.parent)
        self._attendant = MachineServices(operations, ear, follow, self.watch.use)

    def hear(self, heard: SourceEvent) -> list[Record]:
        """Take what the source delivers; return what there is to say."""
        heard = self._attendant.admit(heard)
        return self._attendant.attend(heard, self.watch.hear(heard))

    def finish(self) -> list[Record]:
        """Write what has not been written yet; return what is left to say."""
        return [*self.watch.finish(), *self._attendant.finish()]
