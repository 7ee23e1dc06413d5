"""The watch over one machine: sound in, a record per second and events out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Samples
from anomaly.audio.sensor.health import Health
from anomaly.audio.sensor.sensor_check import SensorCheck
from anomaly.detect.decision import Decision, Limit, Policy, State
from anomaly.detect.scoring import Scorer, SecondScore
from anomaly.monitor.drift import DriftMonitor
from anomaly.monitor.journal import Journal
from anomaly.monitor.machine_case import MachineCase
from anomaly.monitor.model_switch import NextModel
from anomaly.monitor.offline.calibration_filter import scored_by
from anomaly.monitor.ramp_buffer import RampBuffer
from anomaly.monitor.records import Record, SecondRecord
from anomaly.monitor.sensor_case import SensorCase
from anomaly.monitor.sources.sources import CaptureEvent, Lost, Sound, SourceEvent
from anomaly.store.store import Store

# Sound that is never whole for a second cannot be scored: after so long the microphone has failed.
_PIECES_S = 3.0
# Gaps that follow each other closely are told together.
_TELL_GAPS_EVERY_S = 60.0
_PLAIN = Policy()


class MonitorPipeline:
    """Scores, decides, and tells the journal and the cases.

    Args:
        machine: its name.
        scorer: a detector of its bundle.
        limit: of the decision.
        store: where scores, events and cases go.
        sensor: judges the microphone; default: without knowledge of the training sound.
        policy: when an alarm begins and ends around the limit.
        model: what scores, as it is stored beside the scores; "" if that is not known.

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
        sensor: SensorCheck | None = None,
        policy: Policy = _PLAIN,
        model: str = "",
    ) -> None:
        self.machine = machine
        self.alarms = self.seconds = 0
        self._stream = scorer.stream()
        self._policy, self._decision = policy, Decision(limit, policy)
        self._held = RampBuffer()
        self._journal = Journal(machine, store)
        self._journal.model = model
        self._drift = DriftMonitor(store, self._journal)
        self._drift.follow(scorer.calibration)
        self._sensor = SensorCase(store, self._journal)
        self._case = MachineCase(store, self._journal)
        self._waiting: list[Samples] = []
        self._waiting_samples = 0
        self._next: NextModel | None = None
        self._whole_s: float | None = None
        self._check = SensorCheck() if sensor is None else sensor
        self._repeated, self._capture = 0.0, ""
        self._gaps, self._told_gaps_s = 0, float("-inf")

    def hear(self, heard: SourceEvent) -> list[Record]:
        """Take what a source delivers; return a record per whole second and events, in order."""
        if isinstance(heard, Lost):
            self._journal.time_s, self._whole_s = heard.time_s, None
            self._begin_again()
            self._fail("lost", heard.reason)
        elif isinstance(heard, CaptureEvent):
            self._journal.time_s, self._capture = heard.time_s, heard.state or self._capture
            self._journal.keep(heard.event, heard.words, **heard.detail)
        else:
            if heard.gap:
                self._gap(heard.time_s)
            self._repeated = max(self._repeated, heard.repeated)
            self._push(heard)
        return self._journal.take()

    def use(self, model: NextModel) -> None:
        """Go on with another model from the next reset of the score."""
        self._next = model

    def finish(self) -> list[Record]:
        """Decide on what was held back, write what has not been written yet, and return what is left to say."""
        self._decide(self._held.release())
        self._journal.finish()
        return self._journal.take()

    def write_behind(self, submit: Callable[[Callable[[], None]], bool]) -> None:
        """Store scores on another thread: a slow disk must not hold up the sound."""
        self._journal.write_behind(submit)

    def _push(self, sound: Sound) -> None:
        # The clock of each block, not a count of samples: a microphone's clock drifts by seconds a day.
        begun_s = sound.time_s - self._waiting_samples / SAMPLE_RATE_HZ
        self._whole_s = begun_s if self._whole_s is None else self._whole_s
        self._waiting.append(sound.samples)
        self._waiting_samples += len(sound.samples)
        while self._waiting_samples >= SAMPLE_RATE_HZ:
            joined = np.concatenate(self._waiting)
            self._waiting, self._waiting_samples = [joined[SAMPLE_RATE_HZ:]], len(joined) - SAMPLE_RATE_HZ
            begun_s += 1.0
            self._journal.time_s = self._whole_s = begun_s
            self._judge(joined[:SAMPLE_RATE_HZ])

    def _take_over(self, model: NextModel) -> None:
        """The decision begins anew: its probabilities are those of another model."""
        before, self._next = self._decision.state, None
        self._stream, self._held = model.scorer.stream(), RampBuffer()
        # What the microphone heard in training is known of the new model's training only.
        self._check = model.sensor
        self._decision = Decision(model.limit, self._policy)
        self._drift.follow(model.scorer.calibration, anew=True)
        self._case.doubt()
        if self._journal.model:
            self._journal.model = scored_by(model.scorer.detector.name, model.version)
        self._journal.keep(
            "model.activated", f"version {model.version} scores from here on", version=model.version
        )
        self._tell_change(before, None)

    def _judge(self, samples: Samples) -> None:
        if self._next is not None and self._stream.at_reset:
            self._take_over(self._next)
        health = self._check.second(samples, repeated=self._repeated)
        self._repeated = 0.0
        (score,) = self._stream.push(samples)
        before, counted = self._decision.state, []
        self._sensor.second(health)
        # A deaf microphone says nothing about the machine, neither good nor bad.
        trusted = health.status == "ok" and self._sensor.fault is None
        if trusted:
            self._drift.second(score)
            counted = self._held.take(score)
            for each in counted:
                self._decision.update(each.p_value)
        elif self._sensor.fault is not None:
            self._forget()
        self._journal.second(self._record(score, health, trusted))
        self.seconds += 1
        self._tell_change(before, score.score if trusted else None)
        self._follow_case(counted)

    def _decide(self, seconds: list[SecondScore]) -> None:
        """Let the decision take seconds that were held back, where no second of sound follows them."""
        before = self._decision.state
        for each in seconds:
            self._decision.update(each.p_value)
        self._tell_change(before, None)
        self._follow_case(seconds)

    def _follow_case(self, seconds: list[SecondScore]) -> None:
        for each in seconds:
            self._case.second(self._decision.state, each, self.seconds)
        if self._case.acknowledged:
            self._decision.release()

    def _record(self, score: SecondScore, health: Health, trusted: bool) -> SecondRecord:
        return SecondRecord(
            machine=self.machine,
            time_s=self._journal.time_s,
            second=self.seconds,
            score=score.score if trusted else None,
            p_value=score.p_value if trusted else None,
            state=self._decision.state.value,
            sensor=health.status,
            level_dbfs=health.level_dbfs,
            groups=tuple(float(g) for g in score.groups) if trusted else (),
            capture=self._capture,
            operating_state=score.operating.operating.value,
        )

    def _tell_change(self, before: State, score: float | None) -> None:
        state = self._decision.state
        if state is before:
            return
        self.alarms += state is State.ALARM
        self._journal.flush()
        detail = {"from": before.value, "to": state.value, "score": score}
        self._journal.keep("state.changed", f"{before} to {state}", **detail)

    def _fail(self, fault: str, reason: str) -> None:
        before = self._decision.state
        self._journal.flush()
        self._sensor.fail(fault, reason)
        self._forget()
        self._tell_change(before, None)

    def _forget(self) -> None:
        """What the machine did while nobody could hear it is unknown: begin again from OK."""
        self._held.release()
        self._decision.reset()
        self._case.doubt()

    def _gap(self, time_s: float) -> None:
        self._journal.time_s = time_s
        self._begin_again()
        self._gaps += 1
        if time_s - self._told_gaps_s >= _TELL_GAPS_EVERY_S:
            self._journal.keep("audio.gap", "samples were lost; the score begins again", gaps=self._gaps)
            self._gaps, self._told_gaps_s = 0, time_s
        if self._whole_s is not None and time_s - self._whole_s >= _PIECES_S:
            self._fail("gaps", f"no whole second for {time_s - self._whole_s:.0f} s")

    def _begin_again(self) -> None:
        self._decide(self._held.release())
        self._check.reset()
        self._stream.reset()
        self._waiting, self._waiting_samples = [], 0
