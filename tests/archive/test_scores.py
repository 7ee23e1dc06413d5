from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from anomaly.archive.scores import score_files, to_row
from anomaly.bundle import open_bundle
from anomaly.detect.decision import Limit, State, limit_for
from anomaly.detect.file_score import FileScore
from anomaly.detect.model import load_model
from anomaly.detect.scoring import Scorer, SecondScore
from anomaly.detect.verdict import Verdict

KEYS = ["path", "seconds", "score", "p_value", "state", "status", "error"]


@pytest.fixture
def scorer(pump_bundle: Path) -> Scorer:
    return load_model(open_bundle(pump_bundle)).student


@pytest.fixture
def limit(scorer: Scorer) -> Limit:
    return limit_for(1.0, scorer.calibration.dependence)


def test_a_row_holds_plain_values() -> None:
    seconds = tuple(SecondScore(k, 1.5 + k, 0.25, np.zeros(16)) for k in range(2))
    verdict = Verdict(2.0, 0.4375, State.WATCH, (State.OK, None))
    scored = FileScore(Path("a/b.wav"), "ok", 2.00006, seconds, verdict)
    row = to_row(scored)
    assert list(row) == KEYS
    assert list(row.values()) == ["a/b.wav", 2.0, 2.0, 0.4375, "WATCH", "ok", None]
    assert to_row(scored, per_second=True)["per_second"] == [
        {"second": 0, "score": 1.5, "p_value": 0.25, "state": "OK"},
        {"second": 1, "score": 2.5, "p_value": 0.25, "state": None},
    ]


def test_a_bad_file_has_the_same_keys() -> None:
    row = to_row(FileScore(Path("b.wav"), "error", error="is empty (0 bytes)"), per_second=True)
    assert list(row) == [*KEYS, "per_second"]
    assert list(row.values()) == ["b.wav", None, None, None, None, "error", "is empty (0 bytes)", []]


def test_the_run_goes_on_after_a_bad_file(
    scorer: Scorer, limit: Limit, pump_recordings: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_text("no sound")
    good = sorted(pump_recordings.rglob("*.wav"))[:2]
    rows = list(score_files([good[0], bad, good[1]], scorer, limit, per_second=True))
    assert [row["status"] for row in rows] == ["ok", "error", "ok"]
    assert [len(row["per_second"]) for row in rows] == [6, 0, 6]
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows


def test_rows_come_as_files_are_done(scorer: Scorer, limit: Limit, pump_recordings: Path) -> None:
    files = iter(sorted(pump_recordings.rglob("*.wav")))
    next(score_files(files, scorer, limit))
    assert len(list(files)) == 7
