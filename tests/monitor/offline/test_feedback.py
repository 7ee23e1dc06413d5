"""Feedback on a case: it settles the case whatever is left of its sound, and says what the calibration gained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.detect.calibration.calibration import Calibration, calibrate
from anomaly.detect.calibration.versions import CalibrationVersions, with_calibration_in_use
from anomaly.detect.pooling import SUB_BAND_GROUPS, fit_pooling
from anomaly.detect.scoring import Scorer
from anomaly.monitor.clips.files import FACTS, ClipFacts, write_clip
from anomaly.monitor.offline.calibrated_detector import CalibratedDetector
from anomaly.monitor.offline.feedback import FeedbackResult, record_feedback
from anomaly.store.cases.case import FEEDBACK, Case, CaseState, iso_utc
from anomaly.store.database.rows import ClipRow, ScoreRow, StateRow
from anomaly.store.store import Store

POOLING = fit_pooling(list(np.random.default_rng(0).gamma(2.0, 0.5, (20, 31, 2 * SUB_BAND_GROUPS))), "log")
BEGIN_S = 1_800_000_000.0
NOW_S = BEGIN_S + 100.0
SECONDS = 40


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "anomaly.sqlite", clock=lambda: NOW_S) as opened:
        opened.time_series.add_state(StateRow("pump", "model", BEGIN_S, "student abc"))
        yield opened


@pytest.fixture
def case(store: Store) -> Case:
    opened = store.cases.open(Case("pump", "machine", iso_utc(BEGIN_S + 30), "it rattles"))
    assert opened is not None
    return opened


@pytest.fixture
def calibration() -> Calibration:
    return calibrate(POOLING, list(np.random.default_rng(1).normal(0, 1, (20, 60))))


def detector(folder: Path, calibration: Calibration, bundle: str = "abc") -> CalibratedDetector:
    """Return a detector with a calibration and no network."""
    own = Scorer(
        cast(object, None),  # type: ignore[arg-type]
        SimpleNamespace(name="student"),  # type: ignore[arg-type]
        calibration,
        None,  # type: ignore[arg-type]
    )
    in_use = with_calibration_in_use(own, folder, "pump", bundle)
    return CalibratedDetector("pump", own, in_use, CalibrationVersions(folder, "pump", "student"), bundle)


def keep_clip(store: Store, folder: Path, case: Case, number: int = 1, begin_s: float = BEGIN_S) -> Path:
    """Keep a clip of sound without words: live results, and no levels that could be scored again."""
    results = tuple(
        {"second": k, "score": 7.0 + k, "p_value": 1e-6, "state": "ALARM", "sensor": "ok"}
        for k in range(SECONDS)
    )
    facts = ClipFacts(
        f"{number:012}", case.id, "pump", "speech-filtered", begin_s, SECONDS * SAMPLE_RATE_HZ, 0, BEGIN_S + 30,
        "student", "abc", {}, False, results,
    )  # fmt: skip
    name = f"pump/{number}"
    size = write_clip(folder / "clips" / name, facts, None, None, b"png")
    store.clips.add(ClipRow(facts.id, case.id, "pump", begin_s, SECONDS, facts.content, name, size))
    return folder / "clips" / name


def normal(store: Store, found: CalibratedDetector, case: Case, folder: Path) -> FeedbackResult:
    return record_feedback(
        store, found, case, folder / "clips", normal=True, by="ann", note="a test", now_s=NOW_S
    )


def settled(store: Store, case: Case) -> bool:
    (event,) = store.history.events(case_id=case.id, name=FEEDBACK)
    return event.detail["verdict"] == "normal" and store.cases.find(case.id).state == CaseState.CLOSED


def test_a_case_is_learned_from_its_stored_scores(
    store: Store, case: Case, calibration: Calibration, tmp_path: Path
) -> None:
    store.history.add_scores(ScoreRow("pump", BEGIN_S + k, k, 7.0, 1e-6, "ALARM") for k in range(20))
    result = normal(store, detector(tmp_path, calibration), case, tmp_path)
    assert (result.calibration, result.seconds, result.learned_from) == (1, 20, "history")
    assert result.limit > result.limit_before
    assert result.not_learned is None
    assert settled(store, case)


def test_a_case_whose_scores_are_gone_is_learned_from_its_clips(
    store: Store, case: Case, calibration: Calibration, tmp_path: Path
) -> None:
    keep_clip(store, tmp_path, case)
    # The second clip overlaps with the first by ten seconds, which count once.
    keep_clip(store, tmp_path, case, 2, BEGIN_S + SECONDS - 10)
    found = detector(tmp_path, calibration)
    result = normal(store, found, case, tmp_path)
    assert (result.calibration, result.seconds, result.learned_from) == (1, 2 * SECONDS - 10, "clip")
    assert settled(store, case)
    (source,) = found.sources
    assert [len(part) for part in source.recordings] == [2 * SECONDS - 10]


def test_a_case_of_which_nothing_is_left_is_settled_and_says_so(
    store: Store, case: Case, calibration: Calibration, tmp_path: Path
) -> None:
    found = detector(tmp_path, calibration)
    result = normal(store, found, case, tmp_path)
    assert (result.calibration, result.seconds, result.closed) == (None, 0, True)
    assert result.limit == result.limit_before
    assert result.not_learned == "the scores of this case are gone, and no clip of it is kept"
    assert settled(store, case)
    assert found.sources == ()


def test_a_damaged_clip_and_one_of_another_model_are_the_reason(
    store: Store, case: Case, calibration: Calibration, tmp_path: Path
) -> None:
    kept = keep_clip(store, tmp_path, case)
    store.history.add_scores([ScoreRow("pump", BEGIN_S + 30, 30, 7.0, 1e-6, "ALARM")])
    result = normal(store, detector(tmp_path, calibration, "other"), case, tmp_path)
    assert "scored by another model than student other" in str(result.not_learned)
    assert "holds speech-filtered only" in str(result.not_learned)
    (kept / FACTS).write_text("{")
    result = normal(store, detector(tmp_path, calibration, "other"), case, tmp_path)
    assert "is no whole clip" in str(result.not_learned)


def test_a_bundle_that_nothing_can_be_added_to_is_the_reason(
    store: Store, case: Case, calibration: Calibration, tmp_path: Path
) -> None:
    store.history.add_scores(ScoreRow("pump", BEGIN_S + k, k, 7.0, 1e-6, "ALARM") for k in range(20))
    old = replace(calibration, order=None, lengths=None, excursions=None)
    result = normal(store, detector(tmp_path, old), case, tmp_path)
    assert (result.calibration, result.seconds, result.learned_from) == (None, 0, None)
    assert "held-out sound in order" in str(result.not_learned)
    assert settled(store, case)


def test_feedback_that_is_repeated_when_the_scores_are_gone_keeps_what_was_learned(
    store: Store, case: Case, calibration: Calibration, tmp_path: Path
) -> None:
    kept = keep_clip(store, tmp_path, case)
    assert normal(store, detector(tmp_path, calibration), case, tmp_path).calibration == 1
    (kept / FACTS).unlink()
    closed = store.cases.find(case.id)
    again = normal(store, detector(tmp_path, calibration), closed, tmp_path)
    assert (again.calibration, again.not_learned, again.closed) == (None, None, False)
    assert detector(tmp_path, calibration).sources[0].seconds == SECONDS
