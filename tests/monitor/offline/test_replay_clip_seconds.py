"""Replay of cases whose scores are no longer stored: the live results in their clips decide, where they suffice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.detect.decision import Decision, State, limit_for
from anomaly.monitor.clips.files import FACTS, ClipFacts, write_clip
from anomaly.monitor.offline.replay_clip_seconds import ClipHistory, replay_from_clip
from anomaly.monitor.offline.replay_result import ReplayedCase
from anomaly.store.cases.case import Case, iso_utc
from anomaly.store.database.rows import ClipRow
from anomaly.store.store import Store

BEGIN_S = 1_800_000_000.0
SECONDS = 30
# Three bad seconds: an alarm for one a day, and none for the smallest budget.
BAD = range(18, 21)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "anomaly.sqlite") as opened:
        yield opened


@pytest.fixture
def clip(store: Store, tmp_path: Path) -> Callable[..., Case]:
    """A case with a clip of half a minute; the sound was normal again ``returned_at`` seconds after its beginning."""

    def keep(returned_at: float, model: str = "abc", seconds: object = None) -> Case:
        case = store.cases.open(Case("pump", "machine", iso_utc(BEGIN_S + 20), "it rattles"))
        assert case is not None
        results = tuple(
            {"second": k, "score": 1.0, "p_value": 1e-6 if k in BAD else 0.6, "state": "OK", "sensor": "ok"}
            for k in range(SECONDS)
        )
        facts = ClipFacts(
            "0" * 12, case.id, "pump", "speech-filtered", BEGIN_S, SECONDS * SAMPLE_RATE_HZ, 0, BEGIN_S + 20,
            "student", model, {}, False, results if seconds is None else (seconds,),  # type: ignore[arg-type]
        )  # fmt: skip
        size = write_clip(tmp_path / "clips/pump/one", facts, None, None, b"png")
        store.clips.add(ClipRow(facts.id, case.id, "pump", BEGIN_S, SECONDS, facts.content, "pump/one", size))
        with store.database.transaction() as connection:
            connection.execute("UPDATE cases SET returned_at = ?", (iso_utc(BEGIN_S + returned_at),))
        return store.cases.find(case.id)

    return keep


def outcome_of(
    store: Store, case: Case, folder: Path, per_day: float = 24.0, model: str = "student abc"
) -> tuple[str, str]:
    decision = Decision(limit_for(per_day, 0.0))
    found: ReplayedCase = replay_from_clip(
        store,
        case,
        ClipHistory(folder / "clips", model),
        lambda rows: any(decision.update(row.p_value or 1.0) is State.ALARM for row in rows),
    )
    assert (found.case, found.opened_at) == (case.id, case.opened_at)
    return found.outcome, found.by


def test_a_case_with_an_alarm_in_its_clip_stays(
    store: Store, clip: Callable[..., Case], tmp_path: Path
) -> None:
    assert outcome_of(store, clip(26), tmp_path) == ("stays", "clip")


def test_a_case_that_ended_within_its_clip_can_vanish(
    store: Store, clip: Callable[..., Case], tmp_path: Path
) -> None:
    assert outcome_of(store, clip(26), tmp_path, per_day=1e-4) == ("vanishes", "clip")


def test_a_case_longer_than_its_clip_is_unknown(
    store: Store, clip: Callable[..., Case], tmp_path: Path
) -> None:
    outcome, why = outcome_of(store, clip(60), tmp_path, per_day=1e-4)
    assert (outcome, "ends before the case" in why) == ("unknown", True)


def test_results_of_another_detector_do_not_count(
    store: Store, clip: Callable[..., Case], tmp_path: Path
) -> None:
    case = clip(26, model="abc+2")
    assert outcome_of(store, case, tmp_path, model="student abc") == ("stays", "clip")
    assert outcome_of(store, case, tmp_path, model="teacher abc") == (
        "unknown",
        "its clip was scored by another bundle or detector",
    )


def test_a_damaged_clip_is_the_reason(store: Store, clip: Callable[..., Case], tmp_path: Path) -> None:
    case = clip(26, seconds={"second": 0})
    assert "holds no seconds" in outcome_of(store, case, tmp_path)[1]
    (tmp_path / "clips/pump/one" / FACTS).write_text("{")
    assert "is no whole clip" in outcome_of(store, case, tmp_path)[1]


def test_without_clips_the_outcome_is_unknown(
    store: Store, clip: Callable[..., Case], tmp_path: Path
) -> None:
    case = clip(26)
    assert replay_from_clip(store, case, None, lambda _: True).by == "its scores are gone"
    (row,) = store.clips.select()
    store.clips.remove(row.id)
    assert outcome_of(store, case, tmp_path) == ("unknown", "its scores are gone")
