"""Calibration input: normal sound from recordings or from the monitor's history, and without that of a case."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from anomaly.detect.calibration.versions import Source
from anomaly.detect.file_score import score_file
from anomaly.detect.scoring import Scorer
from anomaly.errors import InputError
from anomaly.monitor.offline.calibrated_detector import CalibratedDetector
from anomaly.monitor.offline.calibration_filter import (
    CalibrationInput,
    new_recordings,
    new_rows,
    rows_of_model,
)
from anomaly.monitor.offline.case_span import case_span
from anomaly.monitor.offline.operating_filter import operating_filter
from anomaly.store.cases.case import Case, iso_utc
from anomaly.store.database.rows import ScoreRow
from anomaly.store.state_kinds import StateKind
from anomaly.store.store import Store

# Scores per second are kept for a day by default; more of them adds little but time to load the calibration.
_MAX_HISTORY_S = 86_400
# The limit has no effect here: the seconds that count do not depend on it.
_SCORING_PER_DAY = 1.0
# Scores come once a second: a longer distance between two rows means that seconds are missing.
_MAX_STEP_S = 1.5


def from_recordings(
    files: Iterable[Path], scorer: Scorer, what: str, sources: Sequence[Source] = ()
) -> CalibrationInput:
    """Score recordings as a source, without those that the calibration holds already.

    Args:
        files: recordings of normal sound; one that cannot be used ends the call.
        scorer: of the machine.
        what: description of the source.
        sources: of the calibration.

    Raises:
        InputError: a file cannot be read, is silent or too short.
    """
    limit = scorer.calibration.limit(_SCORING_PER_DAY)
    recordings: list[tuple[float, ...]] = []
    remarks: list[str] = []
    for path in files:
        result = score_file(path, scorer, limit)
        if result.verdict is None:
            raise InputError(result.error or result.status, where=path, hint="take it out")
        if result.error is not None:
            remarks.append(f"{path}: {result.error}")
        pairs = zip(result.scores, result.verdict.states, strict=True)
        recordings.append(tuple(score.score for score, state in pairs if state is not None))
    new, duplicate_s = new_recordings(recordings, sources)
    return CalibrationInput(Source("from", what, 0.0, 0.0, new), duplicate_s, remarks=tuple(remarks))


def from_history(
    store: Store,
    detector: CalibratedDetector,
    begin_s: float,
    end_s: float,
    sources: Sequence[Source] = (),
) -> CalibrationInput:
    """Take stored seconds that this model scored, without cases, ramps, stops and what the calibration holds already.

    Only the last day of the span is read. Seconds of a case are never taken, whatever its outcome: `record_feedback`
    adds those of a case that was no fault.

    Args:
        store: of the monitor.
        detector: of the machine.
        begin_s: UNIX seconds.
        end_s: UNIX seconds.
        sources: of the calibration.
    """
    machine = detector.machine
    rows = store.history.scores(machine, max(begin_s, end_s - _MAX_HISTORY_S), end_s)
    spans = [case_span(case, end_s) for case in store.cases.select(machine=machine) if case.kind == "machine"]
    rows = [row for row in rows if not any(span.contains(row.time_s) for span in spans)]
    scored = [
        row for row in operating_filter(store, machine, rows, end_counts=False) if row.score is not None
    ]
    of_model = rows_of_model(scored, store.time_series.states(machine, StateKind.MODEL), detector.model)
    new = new_rows(of_model, sources)
    what = f"{iso_utc(begin_s)} to {iso_utc(end_s)}"
    source = Source("since", what, begin_s, end_s, uninterrupted(new))
    return CalibrationInput(source, len(of_model) - len(new), len(scored) - len(of_model))


def without_case(sources: Iterable[Source], case: Case, now_s: float) -> tuple[Source, ...]:
    """Return the sources without the sound of a case that was a fault after all.

    A source from the monitor's history that overlaps with the case goes as a whole: it does not keep which of its
    seconds belong to the fault.
    """
    span = case_span(case, now_s)
    return tuple(s for s in sources if s.kind == "from" or s.end_s < span.begin_s or s.begin_s > span.end_s)


def uninterrupted(rows: Sequence[ScoreRow]) -> tuple[tuple[float, ...], ...]:
    """Return the scores in the order of time, split where seconds are missing or have none."""
    scored = [row for row in rows if row.score is not None]
    splits = [0] + [k for k, (a, b) in enumerate(pairwise(scored), 1) if b.time_s - a.time_s > _MAX_STEP_S]
    parts = [scored[begin:end] for begin, end in pairwise([*splits, len(scored)])]
    return tuple(tuple(float(row.score or 0.0) for row in part) for part in parts if part)
