"""The session of one machine: its pipeline, and the services that subscribe to it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from anomaly.detect.calibration.versions import CalibrationVersions
from anomaly.detect.operating.confirmed_stops import read_confirmed_stops
from anomaly.monitor.background_events import BackgroundEvents
from anomaly.monitor.clips.recorder import ClipContext, ClipRecorder
from anomaly.monitor.clips.ring_buffer import on_grid
from anomaly.monitor.event_bus import EventBus
from anomaly.monitor.events import BlockProcessed, EventName, SessionEnded
from anomaly.monitor.gap_log import GapLog
from anomaly.monitor.model.model_switch import CHECK_EVERY_S, ModelSwitch
from anomaly.monitor.model.session_model import SessionModel, model_of_bundle, policy_of
from anomaly.monitor.offline.rebaseline import ATTEMPT_EVERY_S, Rebaseline
from anomaly.monitor.offline.trend_watch import EXAMINE_EVERY_S, FIRST_AFTER_S, TrendWatch
from anomaly.monitor.operations import Operations
from anomaly.monitor.pipeline import MonitorPipeline
from anomaly.monitor.plan import MonitorPlan
from anomaly.monitor.records import EventRecord, Record, SecondRecord
from anomaly.monitor.sources.events import SoundBlock, SourceEvent
from anomaly.store.state_kinds import model_label
from anomaly.store.store import Store

# Clips that are being written at the end are waited for so long.
_FINISH_TIMEOUT_S = 10.0


class MachineSession:
    """Monitors one machine.

    Args:
        plan: what it is monitored by.
        model: what scores it.
        store: where scores, events and cases go.
        operations: of this process.
    """

    def __init__(self, plan: MonitorPlan, model: SessionModel, store: Store, operations: Operations) -> None:
        self.plan = plan
        self._bus, self._operations = EventBus(), operations
        self._records: list[Record] = []
        self._bus.subscribe(SecondRecord, self._records.append)
        self._bus.subscribe(EventRecord, self._records.append)
        self._background_events = BackgroundEvents(plan.machine, store, operations.clock)
        # Machines that share a bundle switch one by one, each with its own calibration.
        self._switch = self._model_switch(store)
        rebaseline = Rebaseline(operations.site, plan, store, self._background_events.emit, operations.clock)
        operations.background.every(ATTEMPT_EVERY_S, rebaseline.attempt)
        self._trend = TrendWatch(
            plan.machine, store.path, operations.clock, self._background_events.emit, model.scorer.calibration
        )
        operations.background.every(EXAMINE_EVERY_S, self._trend.examine, after_s=FIRST_AFTER_S)
        self.clips = self._subscribe_services(model, store)
        self.pipeline = MonitorPipeline(
            plan.machine,
            model.scorer,
            model.limit,
            store,
            self._bus,
            sensor=model.sensor,
            policy=policy_of(operations.site, plan.machine),
            model=model_label(plan.detector, model.version),
            submit=operations.background.submit,
            trend=self._trend.newest,
        )

    def process(self, event: SourceEvent) -> list[Record]:
        """Take what the source delivers and return the records that came of it."""
        if self.plan.live and isinstance(event, SoundBlock):
            # Scored is what a clip can keep: 24 bits.
            event = replace(event, samples=on_grid(event.samples))
        self._bus.publish(event)
        self.pipeline.process(event)
        self._bus.publish(BlockProcessed())
        if (model := self._switch.take()) is not None:
            self.pipeline.use(model)
            self._trend.calibrate(model.scorer.calibration)
        return self._take_records()

    def finish(self) -> list[Record]:
        """Store what has not been stored yet and return the last records; the sound has ended."""
        self.pipeline.finish()
        self._bus.publish(SessionEnded())
        self._operations.background.wait_idle(_FINISH_TIMEOUT_S)
        return self._take_records()

    def _model_switch(self, store: Store) -> ModelSwitch:
        site, plan = self._operations.site, self.plan
        calibrations = CalibrationVersions(site.state_dir, plan.machine, plan.detector)
        switch = ModelSwitch(
            site.models_dir,
            plan.bundle,
            partial(model_of_bundle, plan=plan, state_dir=store.path.parent),
            partial(self._background_events.emit, EventName.MODEL_REFUSED),
            lambda: calibrations.current,
            lambda: read_confirmed_stops(site.state_dir, plan.machine),
        )
        self._operations.background.every(CHECK_EVERY_S, switch.check)
        return switch

    def _subscribe_services(self, model: SessionModel, store: Store) -> ClipRecorder:
        operations, plan = self._operations, self.plan
        operations.statistics.subscribe(self._bus, plan.machine, self._switch.version, live=plan.live)
        operations.notifier.subscribe(self._bus, plan.machine)
        operations.live.subscribe(self._bus, plan.machine, model.scorer.front_end.bands, model.normal_levels)
        GapLog(plan.machine, store, operations.background).subscribe(self._bus)
        context = ClipContext(
            plan.machine,
            plan.detector,
            self._switch.version,
            model.scorer.front_end,
            model.normal_levels,
            operations.site.facts_of(plan.machine),
        )
        clips = ClipRecorder(
            context,
            operations.site.clips,
            operations.clips_folder,
            store,
            operations.background,
            self._background_events.emit,
        )
        clips.subscribe(self._bus)
        return clips

    def _take_records(self) -> list[Record]:
        for record in self._background_events.drain():
            self._bus.publish(record)
        records = list(self._records)
        self._records.clear()
        return records
