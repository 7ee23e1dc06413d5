"""The pipeline of one machine: sound in, a record per second and events out.

Each whole second passes these stages in order:

1. `SecondAssembler`: blocks become whole seconds;
2. `SensorCheck` and `SensorCase`: whether the microphone can be trusted;
3. `ScoringStage`: score, tail probability, operating state;
4. `DecisionStage`: which seconds count, and OK, WATCH or ALARM after each;
5. `MachineCase`: the case about the machine;

and what comes of it goes to the `Journal`, which stores and publishes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from anomaly.audio.sensor.health import Health
from anomaly.audio.sensor.sensor_check import SensorCheck
from anomaly.detect.decision import Limit, Policy, State
from anomaly.detect.decision_stage import UNDECIDED_AFTER_S, DecidedSecond, DecisionStage
from anomaly.detect.scoring import Scorer, SecondScore
from anomaly.detect.verdict import second_status
from anomaly.monitor.event_bus import EventBus
from anomaly.monitor.events import EventName, ModelActivated, SecondScored
from anomaly.monitor.journal import Journal, Submit
from anomaly.monitor.model.session_model import SessionModel
from anomaly.monitor.records import SecondRecord
from anomaly.monitor.sources.events import CaptureEvent, MicrophoneLost, SoundBlock, SourceEvent
from anomaly.monitor.stages.drift import DriftMonitor
from anomaly.monitor.stages.machine_case import MachineCase
from anomaly.monitor.stages.scoring_stage import ScoringStage
from anomaly.monitor.stages.second_assembler import SecondAssembler, WholeSecond
from anomaly.monitor.stages.sensor_case import SensorCase
from anomaly.store.state_kinds import model_label
from anomaly.store.store import Store

# Sound of which no second is whole cannot be scored: after so long the microphone has failed.
_MAX_WITHOUT_WHOLE_S = 3.0
# Gaps that follow each other closely are reported together.
_REPORT_GAPS_EVERY_S = 60.0
_UNDECIDED = (
    f"no second could be judged for {UNDECIDED_AFTER_S} s: the machine neither runs nor stands as in training"
)
_DEFAULT_POLICY = Policy()


class MonitorPipeline:
    """Scores, decides, and keeps the cases of one machine.

    Args:
        machine: its name.
        scorer: of the first model.
        limit: of the decision.
        store: where scores, events and cases go.
        bus: where records are published.
        sensor: judges the microphone; default: without knowledge of the training sound.
        policy: when an alarm begins and ends around the limit.
        model: what scores, as it is stored beside the scores (`model_label`); "" if that is not known.
        submit: runs a job on another thread, see `Journal`.
        trend: newest trend of the machine, see `MachineCase`.

    Attributes:
        alarms: how many alarms have begun.
        seconds: how many whole seconds were judged.
    """

    def __init__(
        self,
        machine: str,
        scorer: Scorer,
        limit: Limit,
        store: Store,
        bus: EventBus,
        *,
        sensor: SensorCheck | None = None,
        policy: Policy = _DEFAULT_POLICY,
        model: str = "",
        submit: Submit | None = None,
        trend: Callable[[], Mapping[str, Any] | None] = lambda: None,
    ) -> None:
        self.machine = machine
        self.alarms = self.seconds = 0
        self._bus, self._policy, self._capture = bus, policy, ""
        self._journal = Journal(machine, store, bus.publish, model=model, submit=submit)
        self._assembler = SecondAssembler()
        self._check = SensorCheck() if sensor is None else sensor
        self._sensor = SensorCase(store, self._journal)
        self._scoring = ScoringStage(scorer)
        self._drift = DriftMonitor(store, self._journal, scorer.calibration)
        self._decision = DecisionStage(limit, policy)
        self._case = MachineCase(store, self._journal, scorer.calibration, scorer.level, trend)
        self._gaps, self._gaps_reported_s = 0, float("-inf")
        self._undecided = False

    def process(self, event: SourceEvent) -> None:
        """Take what a source delivers; records are published in order."""
        self._journal.advance(event.time_s)
        if isinstance(event, SoundBlock):
            if event.gap:
                self._gap(event.time_s)
            for second in self._assembler.push(event):
                self._journal.advance(second.end_s)
                self._second(second)
        elif isinstance(event, MicrophoneLost):
            self._assembler.forget_time()
            self._reset()
            self._fail("lost", event.reason)
        else:
            self._captured(event)

    def use(self, model: SessionModel) -> None:
        """Let another model take over at the next reset of the score."""
        self._scoring.use(model)

    def finish(self) -> None:
        """Decide on the held seconds and store what waits: the sound has ended."""
        self._follow(self._decision.release())
        self._journal.finish()

    def _captured(self, event: CaptureEvent) -> None:
        self._capture = event.state or self._capture
        self._journal.store(event.event, event.message, **event.detail)

    def _second(self, second: WholeSecond) -> None:
        if (model := self._scoring.switch()) is not None:
            self._activate(model)
        health = self._check.second(second.samples, repeated=second.repeated)
        score = self._scoring.second(second.samples)
        before = self._decision.state
        # A faulty microphone says nothing about the machine, neither good nor bad.
        health = replace(health, status=second_status(health.status, score.operating))
        trusted = self._sensor.second(health, score.operating.unlearned_stop)
        fault = self._sensor.fault is not None
        if trusted:
            self._drift.second(score)
        decided = self._decision.second(score, second.end_s, trusted=trusted, fault=fault)
        if fault:
            self._case.require_calm_period()
        self._report_undecided()
        self._bus.publish(SecondScored(score, self._decision.limit))
        self._journal.second(self._record(second, score, health, trusted))
        self.seconds += 1
        self._follow(decided, published=self.seconds - 1)
        self._report_change(decided[-1].state if decided else before, self._decision.state)

    def _follow(self, decided: Sequence[DecidedSecond], *, published: int | None = None) -> None:
        """Report the states after decided seconds, in their order, and keep the case.

        Args:
            decided: in the order of time.
            published: seconds whose records were published before the decision; default: all.
        """
        first_new = self.seconds if published is None else published
        late = [second for second in decided if second.number < first_new]
        if late:
            self._report_late(late)
        for second in decided:
            self._report_change(second.before, second.state, second)
            self._case.second(second)
        if self._case.acknowledged:
            self._decision.acknowledge()

    def _report_late(self, late: Sequence[DecidedSecond]) -> None:
        """Publish the states of held seconds, whose records showed the state before them."""
        self._journal.ramp_counted(late[0].time_s, late[-1].time_s)
        states = [{"second": one.number, "state": one.state.value} for one in late]
        message = f"{len(late)} held seconds were no ramp and count"
        self._journal.emit(EventName.SECONDS_DECIDED, message, seconds=states)

    def _report_undecided(self) -> None:
        """Report once when the machine is no longer judged although the microphone is trusted, and when it is again."""
        undecided = self._decision.undecided
        if undecided is self._undecided:
            return
        self._undecided = undecided
        event = EventName.MACHINE_NOT_JUDGED if undecided else EventName.MACHINE_JUDGED
        self._journal.store(event, _UNDECIDED if undecided else "seconds are judged again")

    def _report_change(self, before: State, after: State, second: DecidedSecond | None = None) -> None:
        if after is before:
            return
        self.alarms += after is State.ALARM
        self._journal.flush()
        detail = {"from": before.value, "to": after.value, "score": second.score.score if second else None}
        time_s = second.time_s if second else None
        self._journal.store(EventName.STATE_CHANGED, f"{before} to {after}", time_s=time_s, **detail)

    def _record(self, second: WholeSecond, score: SecondScore, health: Health, trusted: bool) -> SecondRecord:
        return SecondRecord(
            machine=self.machine,
            time_s=second.end_s,
            second=self.seconds,
            score=score.score if trusted else None,
            p_value=score.p_value if trusted else None,
            state=None if self._not_judged is not None else self._decision.state.value,
            sensor=health.status,
            level_dbfs=health.level_dbfs,
            groups=tuple(float(g) for g in score.groups) if trusted else (),
            capture=self._capture,
            operating_state=score.operating.operating.value,
            cusum=self._decision.total,
            not_judged=self._not_judged,
        )

    @property
    def _not_judged(self) -> str | None:
        """Reason for which the machine has no state; None while it is judged."""
        if self._sensor.fault is not None:
            return self._sensor.fault
        return "undecided" if self._decision.undecided else None

    def _activate(self, model: SessionModel) -> None:
        """Go on with another model; the decision restarts, because its probabilities are another model's."""
        before = self._decision.state
        self._follow(self._decision.release())
        self._check = model.sensor
        self._decision = DecisionStage(model.limit, self._policy, first=self.seconds)
        self._drift.calibrate(model.scorer.calibration)
        self._case.require_calm_period()
        self._case.calibrate(model.scorer.calibration, model.scorer.level)
        self._journal.set_model(model_label(model.scorer.detector.name, model.version))
        message = f"version {model.version} scores from here on"
        self._journal.store(EventName.MODEL_ACTIVATED, message, version=model.version)
        self._bus.publish(ModelActivated(model))
        self._report_change(before, self._decision.state)

    def _fail(self, fault: str, reason: str) -> None:
        before = self._decision.state
        self._journal.flush()
        self._sensor.fail(fault, reason)
        self._decision.reset()
        self._case.require_calm_period()
        self._report_change(before, self._decision.state)

    def _gap(self, time_s: float) -> None:
        self._reset()
        self._gaps += 1
        if time_s - self._gaps_reported_s >= _REPORT_GAPS_EVERY_S:
            message = "samples were lost; the score begins again"
            self._journal.store(EventName.AUDIO_GAP, message, gaps=self._gaps)
            self._gaps, self._gaps_reported_s = 0, time_s
        without_s = self._assembler.without_whole_s(time_s)
        if without_s >= _MAX_WITHOUT_WHOLE_S:
            self._fail("gaps", f"no whole second for {without_s:.0f} s")

    def _reset(self) -> None:
        """Samples are missing here: held seconds are decided, and sensor check and score restart."""
        self._follow(self._decision.release())
        self._check.reset()
        self._scoring.reset()
        self._assembler.reset()
