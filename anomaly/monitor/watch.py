"""The watch over one machine: sound in, a record per second and events out."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from anomaly.alerts.case import Case, iso_utc
from anomaly.alerts.message import AlertMessage
from anomaly.alerts.records import ScoreRow
from anomaly.alerts.store import Store
from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Samples
from anomaly.audio.health import Health, check_second
from anomaly.detect.decision import Decision, Limit, State
from anomaly.detect.scoring import Scorer, SecondScore
from anomaly.diagnose.why import evidence, summary
from anomaly.errors import ConfigError
from anomaly.monitor.records import EventRecord, Record, SecondRecord
from anomaly.monitor.sources import Heard, Lost, Sound

_LOG = logging.getLogger(__name__)

# Bad (good) seconds in a row until a sensor case opens (closes).
_SENSOR_AFTER, _SENSOR_UNTIL = 3, 3
# Scores reach the disk in batches, events at once.
_BATCH = 10
# While the disk is full, the scores of the last hour wait in memory.
_MOST_UNWRITTEN = 3600
# A case left open by an earlier run returns only after a minute of normal sound.
_RESUMED_S = 60
# How often the measurements of an open case are renewed.
_RENEW_S = 10
_WORDS = {
    "silent": "the microphone hears nothing",
    "constant": "the microphone delivers one constant value",
    "clipping": "the microphone is overdriven",
    "dc-offset": "the microphone's signal has an offset",
    "lost": "the microphone is gone",
}


class Watch:
    """Scores, decides, stores.

    Args:
        machine: its name.
        scorer: student or teacher of its bundle.
        limit: of the decision.
        store: where scores, events and cases go.
    """

    def __init__(self, machine: str, scorer: Scorer, limit: Limit, store: Store) -> None:
        self.machine = machine
        self._stream = scorer.stream()
        self._decision = Decision(limit)
        self._store = store
        self._waiting: list[Samples] = []
        self._waiting_samples = 0
        self._time_s = 0.0
        self._second = 0
        self._rows: list[ScoreRow] = []
        self._complained = False
        # A monitor that was killed takes up the cases it left open.
        left = {case.kind: case for case in store.cases(open_only=True, machine=machine)}
        self._case: Case | None = left.get("machine")
        self._sensor_case: Case | None = left.get("sensor")
        self._well_after = _RESUMED_S if self._case is not None else 0
        self._bad = self._good = 0
        self.alarms = 0

    def hear(self, heard: Heard) -> Iterator[Record]:
        """Take what a source delivers; yield a record per whole second and events as they happen."""
        if isinstance(heard, Lost):
            yield from self._lost(heard)
            return
        if heard.gap:
            yield self._gap(heard.time_s)
        yield from self._push(heard)

    def finish(self) -> None:
        """Write what has not been written yet; a full disk is waited out, and never stops the scoring."""
        try:
            if self._rows:
                self._store.add_scores(self._rows)
            self._rows, self._complained = [], False
        except ConfigError as error:
            self._unwritten(error)

    def _unwritten(self, error: ConfigError) -> None:
        self._rows = self._rows[-_MOST_UNWRITTEN:]
        if not self._complained:
            _LOG.warning("scores cannot be stored, and wait in memory: %s", error)
        self._complained = True

    def _push(self, sound: Sound) -> Iterator[Record]:
        if self._waiting_samples == 0:
            self._time_s = sound.time_s
        self._waiting.append(sound.samples)
        self._waiting_samples += len(sound.samples)
        while self._waiting_samples >= SAMPLE_RATE_HZ:
            joined = np.concatenate(self._waiting)
            self._waiting, self._waiting_samples = [joined[SAMPLE_RATE_HZ:]], len(joined) - SAMPLE_RATE_HZ
            self._time_s += 1.0
            yield from self._judge(joined[:SAMPLE_RATE_HZ])
            self._second += 1

    def _judge(self, samples: Samples) -> Iterator[Record]:
        health = check_second(samples)
        (score,) = self._stream.push(samples)
        before = self._decision.state
        yield from self._sensor(health.status, health.level_dbfs)
        # A deaf microphone says nothing about the machine, neither good nor bad.
        trusted = health.status == "ok" and self._sensor_case is None
        if trusted:
            self._decision.update(score.p_value)
        yield self._record(score, health, trusted)
        if trusted:
            try:
                yield from self._machine(before, score)
            except ConfigError as error:
                # A case that could not be stored is tried again with the next second.
                yield self._event("store.failed", str(error))

    def _record(self, score: SecondScore, health: Health, trusted: bool) -> SecondRecord:
        record = SecondRecord(
            machine=self.machine,
            time_s=self._time_s,
            second=self._second,
            score=score.score if trusted else None,
            p_value=score.p_value if trusted else None,
            state=self._decision.state.value,
            sensor=health.status,
            level_dbfs=health.level_dbfs,
            groups=tuple(float(g) for g in score.groups) if trusted else (),
        )
        row = ScoreRow(self.machine, self._time_s, self._second, record.score, record.p_value, record.state)
        self._rows.append(row)
        if len(self._rows) >= _BATCH:
            self.finish()
        return record

    def _machine(self, before: State, score: SecondScore) -> Iterator[Record]:
        state = self._decision.state
        self.alarms += state is State.ALARM and before is not State.ALARM
        if state != before:
            self.finish()
            detail = {"from": before.value, "to": state.value, "score": score.score}
            self._store.add_event("state.changed", machine=self.machine, detail=detail)
            yield self._event("state.changed", f"{before} to {state}", **detail)
        if state is State.ALARM and self._case is None:
            yield from self._open_machine_case(score)
        elif state is State.OK and self._case is not None and self._second >= self._well_after:
            self._store.return_case(self._case.id, self._message("case.updated", score))
            yield self._event("case.returned", "the sound is normal again", case=self._case.id)
            self._case = None
        elif state is State.ALARM and self._case is not None and self._second % _RENEW_S == 0:
            self._case = self._store.update_case(self._measured(self._case, score))

    def _open_machine_case(self, score: SecondScore) -> Iterator[Record]:
        blank = Case(
            self.machine, "machine", iso_utc(self._time_s), "", sound_position_s=float(self._second + 1)
        )
        case = self._measured(blank, score)
        self._case = self._store.open_case(case, self._message("case.opened", score))
        if self._case is not None:
            yield self._event("case.opened", self._case.summary, case=self._case.id, kind="machine")

    def _measured(self, case: Case, score: SecondScore) -> Case:
        groups = [float(g) for g in score.groups]
        return replace(
            case,
            summary=summary(self.machine, groups),
            evidence=evidence(groups),
            peak_score=score.score,
            min_p_value=score.p_value,
        )

    def _message(self, event: str, score: SecondScore | None = None) -> AlertMessage:
        return AlertMessage(
            event="case.opened" if event == "case.opened" else "case.updated",
            machine=self.machine,
            time=iso_utc(self._time_s),
            score=None if score is None else score.score,
            p_value=None if score is None else score.p_value,
            state=self._decision.state.value,
            groups=() if score is None else tuple(round(float(g), 3) for g in score.groups),
        )

    def _sensor(self, status: str, level_dbfs: float) -> Iterator[Record]:
        self._bad, self._good = (self._bad + 1, 0) if status != "ok" else (0, self._good + 1)
        if self._sensor_case is None and self._bad >= _SENSOR_AFTER:
            yield from self._open_sensor_case(status, f"{_WORDS[status]} ({level_dbfs:.0f} dBFS)")
        elif self._sensor_case is not None and self._good >= _SENSOR_UNTIL:
            self._store.close_case(self._sensor_case.id, note="the microphone is well again")
            yield self._event("sensor.recovered", "the microphone is well again", case=self._sensor_case.id)
            self._sensor_case = None

    def _open_sensor_case(self, status: str, words: str) -> Iterator[Record]:
        self.finish()
        # What the machine did while nobody could hear it is unknown: begin again from OK.
        self._decision.reset()
        case = Case(
            self.machine,
            "sensor",
            iso_utc(self._time_s),
            f"{self.machine}: {words}",
            evidence={"status": status},
        )
        self._sensor_case = self._store.open_case(case, self._message("case.opened"))
        if self._sensor_case is not None:
            yield self._event(
                "case.opened", self._sensor_case.summary, case=self._sensor_case.id, kind="sensor"
            )

    def _lost(self, lost: Lost) -> Iterator[Record]:
        self._time_s, self._good = lost.time_s, 0
        self._begin_again()
        if self._sensor_case is None:
            yield self._event("device.lost", lost.reason)
            yield from self._open_sensor_case("lost", f"{_WORDS['lost']} ({lost.reason})")

    def _gap(self, time_s: float) -> EventRecord:
        self._begin_again()
        self._time_s = time_s
        self._store.add_event("audio.gap", machine=self.machine)
        return self._event("audio.gap", "samples were lost; the score begins again")

    def _begin_again(self) -> None:
        self._stream.reset()
        self._waiting, self._waiting_samples = [], 0

    def _event(self, name: str, words: str, **detail: object) -> EventRecord:
        return EventRecord(name, self.machine, self._time_s, words, dict(detail))
