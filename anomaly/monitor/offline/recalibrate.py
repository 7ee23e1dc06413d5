"""New normal sound for a calibration, and the guard before it: sound that is not normal must not become so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from anomaly.bundle import open_bundle, versions
from anomaly.detect.calibration.calibration import Calibration
from anomaly.detect.calibration.versions import (
    CalibrationVersion,
    CalibrationVersions,
    Source,
    with_calibration_in_use,
)
from anomaly.detect.decision import Decision, State
from anomaly.detect.file_score import score_file
from anomaly.detect.model import load_model
from anomaly.detect.scoring import Scorer
from anomaly.errors import InputError, UsageError
from anomaly.monitor.offline.calibration_filter import (
    CalibrationInput,
    new_recordings,
    new_rows,
    rows_of,
)
from anomaly.monitor.offline.operating_filter import operating_filter
from anomaly.store.case import Case, iso_utc, unix_s
from anomaly.store.rows import ScoreRow
from anomaly.store.state_kinds import StateKind, model_label
from anomaly.store.store import Store

LEAST_S = 60
# More than a day adds nothing but time to load it.
_MOST_S = 86_400
# Share of seconds with p of at most 0.01 from which sound is not called normal without a person's word.
_UNLIKELY_P, _UNLIKELY_SHARE = 0.01, 0.05
_GUARD_PER_DAY = 1.0
# Seconds that belong together are no further apart than this.
_APART_S = 1.5
# The sound of a case begins some seconds before the case does.
LEAD_S = 30.0
FEEDBACK = "case.feedback"


@dataclass(frozen=True, eq=False)
class CalibratedDetector:
    """A machine's detector as it runs now.

    Args:
        machine: its name.
        own: the bundle's scorer with the bundle's calibration.
        scorer: with the calibration in use.
        calibrations: of this machine and detector.
        bundle: version of the bundle.
    """

    machine: str
    own: Scorer
    scorer: Scorer
    calibrations: CalibrationVersions
    bundle: str

    def add(
        self, sources: Sequence[Source], *, by: str, reason: str, alone: bool = False
    ) -> CalibrationVersion:
        """Make a version of these sources and put it into use, once it is known that it can be loaded.

        Raises:
            ModelError: the bundle is too old to add to.
            ConfigError: it cannot be written.
        """
        draft = CalibrationVersion(0, self.bundle, "", by, reason, alone, tuple(sources))
        draft.calibration(self.own.calibration)
        return self.calibrations.add(self.bundle, sources, by=by, reason=reason, alone=alone)

    def with_calibration(self, number: int) -> Scorer:
        """The scorer with another version of its calibration; 0 is the bundle's own.

        Raises:
            UsageError: there is no such version, or it goes with another bundle.
            ModelError: a file is damaged.
        """
        known = {v.number: v for v in self.calibrations.all() if v.bundle == self.bundle}
        if number != 0 and number not in known:
            listed = ", ".join(str(k) for k in [0, *known])
            raise UsageError(f"there is no calibration {number} for this bundle", hint=f"there are {listed}")
        own = self.own
        used = own.calibration if number == 0 else known[number].calibration(own.calibration)
        return Scorer(own.front_end, own.detector, used, own.states)

    @property
    def model(self) -> str:
        """What the monitor's memory calls bundle and detector."""
        return model_label(self.own.detector.name, self.bundle)

    @property
    def sources(self) -> tuple[Source, ...]:
        """What the calibration in use has added to the bundle's own."""
        found = self.calibrations.in_use(self.bundle)
        return () if found is None else found.sources

    @property
    def alone(self) -> bool:
        """Whether the calibration in use leaves the bundle's own sound out."""
        found = self.calibrations.in_use(self.bundle)
        return found is not None and found.alone


def load_calibrated_detector(
    folder: Path, state_dir: Path, machine: str, detector: str
) -> CalibratedDetector:
    """Load a machine's detector with the calibration in use.

    Args:
        folder: of the bundle that scores the machine.
        state_dir: where calibrations are kept.
        machine: its name.
        detector: its name, such as student.

    Raises:
        ModelError: bundle or calibration cannot be used.
    """
    model = load_model(open_bundle(folder), (detector,), state_dir=state_dir, machine=machine)
    own = model.scorer(detector)
    bundle = versions.version_of(folder)
    scorer = with_calibration_in_use(own, state_dir, machine, bundle)
    return CalibratedDetector(machine, own, scorer, CalibrationVersions(state_dir, machine, detector), bundle)


def from_recordings(
    files: Iterable[Path], scorer: Scorer, what: str, held: Sequence[Source] = ()
) -> CalibrationInput:
    """Score recordings as a source, but for those that are held already; a file that cannot be used ends it.

    Raises:
        InputError: a file cannot be read, is silent or too short.
    """
    limit = scorer.calibration.limit(_GUARD_PER_DAY)
    recordings: list[tuple[float, ...]] = []
    for path in files:
        found = score_file(path, scorer, limit)
        if found.verdict is None:
            raise InputError(found.error or found.status, where=path, hint="take it out")
        pairs = zip(found.scores, found.verdict.states, strict=True)
        recordings.append(tuple(score.score for score, state in pairs if state is not None))
    new, held_s = new_recordings(recordings, held)
    return CalibrationInput(Source("from", what, 0.0, 0.0, new), held_s)


def from_history(
    store: Store,
    detector: CalibratedDetector,
    begin_s: float,
    end_s: float,
    held: Sequence[Source] = (),
) -> CalibrationInput:
    """What the monitor heard with this very model, but for cases, ramps and stops, and for what is held already.

    Only the last day of it counts. The seconds of a case are never taken, whatever it was: a person says of a case
    that it was none with ``anomaly feedback``.
    """
    machine = detector.machine
    rows = store.history.scores(machine, max(begin_s, end_s - _MOST_S), end_s)
    spans = [_span(case, end_s) for case in store.cases.select(machine=machine) if case.kind == "machine"]
    rows = [row for row in rows if not any(a <= row.time_s <= b for a, b in spans)]
    heard = [row for row in operating_filter(store, machine, rows, end_counts=False) if row.score is not None]
    ours = rows_of(heard, store.time_series.states(machine, StateKind.MODEL), detector.model)
    new = new_rows(ours, held)
    words = f"{iso_utc(begin_s)} to {iso_utc(end_s)}"
    return CalibrationInput(
        Source("since", words, begin_s, end_s, stretches(new)), len(ours) - len(new), len(heard) - len(ours)
    )


def from_case(store: Store, detector: CalibratedDetector, case: Case, now_s: float) -> CalibrationInput:
    """The seconds of a case that this very model scored and the decision took, as a source.

    They begin shortly before the case and end with it, or now, if it goes on.

    Raises:
        InputError: their scores are gone, raw scores are kept for a day; another model scored them all; or the decision
            took none of them.
    """
    begin_s, end_s = _span(case, now_s)
    heard = [row for row in store.history.scores(case.machine, begin_s, end_s) if row.score is not None]
    ours = rows_of(heard, store.time_series.states(case.machine, StateKind.MODEL), detector.model)
    recordings = stretches(operating_filter(store, case.machine, ours))
    if not recordings:
        if ours:
            words = "all of this case was heard while the machine stood still or changed its speed"
        elif heard:
            words = f"this case was not scored by the model that is asked ({detector.model})"
        else:
            words = "the scores of this case are gone: they are kept for a day"
        raise InputError(
            words,
            where=f"case {case.id[:8]}",
            hint="calibrate on a recording of the sound with `anomaly calibrate --from`",
        )
    source = Source("feedback", case.id, begin_s, end_s, recordings)
    return CalibrationInput(source, other_s=len(heard) - len(ours))


def check(source: Source, calibration: Calibration) -> None:
    """Refuse sound that is too short or does not sound normal.

    Raises:
        InputError: so it is; the hint says what a person may do.
    """
    if source.seconds < LEAST_S:
        raise InputError(
            f"holds {source.seconds} s of sound that can be used",
            where=source.what,
            hint=f"give at least {LEAST_S} s, or --force",
        )
    p_values = [[calibration.p_value(score) for score in recording] for recording in source.recordings]
    share = sum(p <= _UNLIKELY_P for r in p_values for p in r) / source.seconds
    if share > _UNLIKELY_SHARE:
        raise InputError(
            f"does not sound normal: {100 * share:.0f} % of its seconds are as unlikely as one in a hundred",
            where=source.what,
            hint="listen to it; if it is how the machine is to sound from now on, say --force",
        )
    decision = Decision(calibration.limit(_GUARD_PER_DAY))
    for recording in p_values:
        decision.reset()
        if any(decision.update(p) is State.ALARM for p in recording):
            raise InputError(
                "does not sound normal: it raises an alarm",
                where=source.what,
                hint="listen to it; if it is how the machine is to sound from now on, say --force",
            )


def unjudged_cases(store: Store, machine: str, begin_s: float, end_s: float) -> list[Case]:
    """Machine cases in a time of which nobody has said whether they were faults."""
    judged = {event.case_id for event in store.history.events(machine=machine) if event.event == FEEDBACK}
    found = [case for case in store.cases.select(machine=machine) if case.kind == "machine"]
    spans = {case.id: _span(case, end_s) for case in found}
    return [c for c in found if spans[c.id][0] < end_s and spans[c.id][1] > begin_s and c.id not in judged]


def without(sources: Iterable[Source], case: Case, now_s: float) -> tuple[Source, ...]:
    """Sources without the sound of a case that was a fault after all.

    What the monitor heard in a time that overlaps with it goes as a whole: which of its seconds were the
    fault's is no longer known.
    """
    begin_s, end_s = _span(case, now_s)
    return tuple(s for s in sources if s.kind == "from" or s.end_s < begin_s or s.begin_s > end_s)


def stretches(rows: Sequence[ScoreRow]) -> tuple[tuple[float, ...], ...]:
    """Scores in the order of time, cut where seconds are missing or have none."""
    heard = [row for row in rows if row.score is not None]
    cuts = [0] + [k for k, (a, b) in enumerate(pairwise(heard), 1) if b.time_s - a.time_s > _APART_S]
    parts = [heard[a:b] for a, b in pairwise([*cuts, len(heard)])]
    return tuple(tuple(float(row.score or 0.0) for row in part) for part in parts if part)


def _span(case: Case, now_s: float) -> tuple[float, float]:
    end = case.returned_at or case.closed_at
    return unix_s(case.opened_at) - LEAD_S, now_s if end is None else unix_s(end)
