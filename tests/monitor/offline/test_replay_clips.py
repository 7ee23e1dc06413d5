"""Replay of stored clips: another model scores them, and its alarms decide."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Samples
from anomaly.detect.decision import limit_for
from anomaly.detect.scoring import Scorer, SecondScore
from anomaly.monitor.clips.files import ClipFacts, write_clip
from anomaly.monitor.offline.replay_clips import replay_clips
from anomaly.monitor.offline.replay_result import ReplayResult, ReplaySpan
from anomaly.store.cases.case import Case, iso_utc
from anomaly.store.database.rows import ClipRow
from anomaly.store.store import Store

BEGIN_S = 1_800_000_000.0
SECONDS = 10


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "anomaly.sqlite") as opened:
        yield opened


@pytest.fixture
def case(store: Store) -> Case:
    opened = store.cases.open(Case("pump", "machine", iso_utc(BEGIN_S + 5), "it rattles"))
    assert opened is not None
    return opened


def store_clip(store: Store, folder: Path, case: Case, content: str = "full") -> None:
    facts = ClipFacts(
        "0" * 12, case.id, "pump", content, BEGIN_S, SECONDS * SAMPLE_RATE_HZ, 0, BEGIN_S + 5,
        "student", "abc", {}, True,
    )  # fmt: skip
    samples = np.zeros(SECONDS * SAMPLE_RATE_HZ, np.float32) if content == "full" else None
    size = write_clip(folder / "clip", facts, samples, None, b"png")
    store.clips.add(ClipRow(facts.id, case.id, "pump", BEGIN_S, SECONDS, content, "clip", size))


def scorer_of(p_value: float) -> Scorer:
    """A scorer that gives every second the same probability."""

    def recording(samples: Samples, where: Path) -> list[SecondScore]:
        count = len(samples) // SAMPLE_RATE_HZ
        return [SecondScore(k, 1.0, p_value, np.zeros(16)) for k in range(count)]

    calibration = SimpleNamespace(limit=lambda budget: limit_for(budget, 0.0))
    front_end = SimpleNamespace(bands=32, reset_s=10)
    return cast(Scorer, SimpleNamespace(calibration=calibration, front_end=front_end, recording=recording))


def replay(store: Store, folder: Path, p_value: float) -> ReplayResult:
    span = ReplaySpan(BEGIN_S, BEGIN_S + 1000.0, 1.0)
    return replay_clips(store, "pump", scorer_of(p_value), span, folder, model="student def")


@pytest.mark.parametrize(("p_value", "outcome"), [(1e-6, "stays"), (0.6, "vanishes")])
def test_the_other_model_decides_on_the_clip(
    store: Store, case: Case, tmp_path: Path, p_value: float, outcome: str
) -> None:
    store_clip(store, tmp_path, case)
    (found,) = replay(store, tmp_path, p_value).cases
    assert (found.case, found.outcome, found.by) == (case.id, outcome, "clip")


def test_a_clip_that_cannot_be_scored_is_the_reason(store: Store, case: Case, tmp_path: Path) -> None:
    store_clip(store, tmp_path, case, content="speech-filtered")
    (found,) = replay(store, tmp_path, 1e-6).cases
    assert (found.outcome, "speech-filtered" in found.by) == ("unknown", True)


def test_a_case_without_a_clip_is_unknown(store: Store, case: Case, tmp_path: Path) -> None:
    result = replay(store, tmp_path, 1e-6)
    assert [(one.outcome, one.by) for one in result.cases] == [("unknown", "no clip was kept")]
    assert (result.history_seconds, result.model) == (0, "student def")
