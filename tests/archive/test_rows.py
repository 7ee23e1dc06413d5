from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from anomaly.archive.rows import FileRow, SecondRow, file_row
from anomaly.detect.decision import State
from anomaly.detect.file_score import FileScore
from anomaly.detect.scoring import SecondScore
from anomaly.detect.verdict import Verdict

KEYS = ["path", "seconds", "score", "p_value", "state", "status", "error", "sensor", "format"]


def test_a_row_holds_plain_values() -> None:
    seconds = tuple(SecondScore(k, 1.5 + k, 0.25, np.zeros(16)) for k in range(2))
    verdict = Verdict(2.0, 0.4375, State.WATCH, (State.OK, None))
    scored = FileScore(Path("a/b.wav"), "ok", 2.00006, seconds, verdict)
    bands = (0.0,) * 16
    assert file_row(scored) == FileRow("a/b.wav", 2.0, 2.0, 0.4375, "WATCH", "ok", None, bands=bands)
    assert file_row(scored, per_second=True).per_second == (
        SecondRow(0, 1.5, 0.25, "OK", bands),
        SecondRow(1, 2.5, 0.25, None, bands),
    )


def test_json_keys_and_their_order(scored: FileRow) -> None:
    row = scored.to_dict()
    assert list(row) == [*KEYS, "per_second"]
    assert list(row["per_second"][0]) == ["second", "score", "p_value", "state"]
    assert json.loads(json.dumps(row, allow_nan=False)) == row


def test_a_row_without_seconds_has_no_key_for_them() -> None:
    row = file_row(FileScore(Path("b.wav"), "error", error="is empty (0 bytes)"))
    assert list(row.to_dict()) == KEYS
    assert list(row.to_dict().values()) == [
        "b.wav",
        None,
        None,
        None,
        None,
        "error",
        "is empty (0 bytes)",
        None,
        None,
    ]


def test_a_file_without_a_score_has_no_seconds() -> None:
    scored = FileScore(Path("b.wav"), "error", error="is empty (0 bytes)")
    assert file_row(scored, per_second=True).to_dict()["per_second"] == []
