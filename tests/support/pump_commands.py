"""Commands of a user on the trained pump, and scores in the store as the monitor leaves them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from anomaly.cli import run
from anomaly.store.database.rows import ScoreRow, StateRow
from anomaly.store.store import DATABASE_NAME, Store

Capture = pytest.CaptureFixture[str]


def for_pump(*line: str) -> list[str]:
    return [*line, "--machine", "pump"]


def json_of(capsys: Capture, *line: str) -> Any:
    capsys.readouterr()
    assert run([*line, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def alarms(capsys: Capture, recording: Path) -> int:
    """Return the number of alarms that begin when the monitor scores a recording."""
    capsys.readouterr()
    assert run(for_pump("monitor", "--source", str(recording), "--no-realtime", "--jsonl")) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return sum(line.get("event") == "state.changed" and line["to"] == "ALARM" for line in lines)


def store_scores(state: Path, seconds: int, score: float = 0.0, model: str = "", ago_s: float = 1.0) -> None:
    with Store.open(state / DATABASE_NAME) as store:
        begin = time.time() - seconds - ago_s
        if model:
            store.time_series.add_state(StateRow("pump", "model", begin, model))
        store.history.add_scores(
            ScoreRow("pump", begin + k, k, score + 0.01 * (k % 50), 0.5, "OK") for k in range(seconds)
        )
