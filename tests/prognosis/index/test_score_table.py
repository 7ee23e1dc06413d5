"""Tables of scores in every format give the same index; each fault of a table has an error of its own."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from anomaly.errors import InputError
from anomaly.prognosis.index.score_table import table_index

ROWS: list[dict[str, Any]] = [
    {"path": "a/20260401T120000Z.wav", "score": 1.5, "state": "OK"},
    {"path": "a/20260401T110000Z.wav", "score": 0.5, "state": "OK"},
    {"path": "a/20260401T130000Z.wav", "score": 4.0, "state": "ALARM"},
    {"path": "a/20260401T140000Z.wav", "score": None, "state": None},
]


def write(folder: Path, suffix: str) -> Path:
    path = folder / f"scores{suffix}"
    match suffix:
        case ".csv":
            lines = [
                "path,score,state",
                *(f"{r['path']},{r['score'] or ''},{r['state'] or ''}" for r in ROWS),
            ]
            path.write_text("\n".join(lines))
        case ".json":
            path.write_text(json.dumps(ROWS))
        case ".jsonl":
            path.write_text("\n".join(map(json.dumps, ROWS)))
        case ".parquet":
            parquet.write_table(pa.Table.from_pylist(ROWS), path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".json", ".jsonl", ".parquet"])
def test_formats(tmp_path: Path, suffix: str) -> None:
    found = table_index(write(tmp_path, suffix))
    assert found.values.tolist() == [0.5, 1.5, 4.0]
    assert found.times_s[1] - found.times_s[0] == 3_600.0
    assert (found.alarm_level, found.level_source) == (4.0, "lowest score in state ALARM")


def test_a_folder_of_anomaly_score(tmp_path: Path) -> None:
    write(tmp_path, ".csv")
    write(tmp_path, ".jsonl")
    assert table_index(tmp_path).values.tolist() == [0.5, 1.5, 4.0]


def test_seconds_of_a_recording_follow_each_other(tmp_path: Path) -> None:
    seconds = [{"second": n, "score": n / 10, "p_value": 0.5, "state": "OK"} for n in range(3)]
    path = tmp_path / "scores.jsonl"
    path.write_text(json.dumps({**ROWS[0], "per_second": seconds}))
    found = table_index(path)
    assert found.values.tolist() == [0.0, 0.1, 0.2]
    assert (found.times_s - found.times_s[0]).tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("value", ["1775044800", "2026-04-01T12:00:00Z", "2026-04-01 12:00:00+00:00"])
def test_a_column_of_times(tmp_path: Path, value: str) -> None:
    path = tmp_path / "index.csv"
    path.write_text(f"time,value\n{value},1\n")
    assert table_index(path).times_s.tolist() == [datetime(2026, 4, 1, 12, tzinfo=UTC).timestamp()]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("s.csv", "path,score\nb.wav,1\n", "the row of b.wav has no time"),
        ("s.csv", "time,height\n1,1\n", "has no column score, index or value"),
        ("s.csv", "time,score\n1,high\n", "'high' in column score is no number"),
        ("s.csv", "time,score\nsoon,1\n", "'soon' in column time is no time"),
        ("s.csv", "time,score\nnan,1\n", "is no time"),
        ("s.csv", "time,score\n", "holds no row with a score"),
        ("s.jsonl", "{", "is no jsonl table"),
        ("s.jsonl", "[1]", "row 1 is no JSON object"),
        ("s.parquet", "no", "is no Parquet table"),
        ("s.txt", "", "is no table of scores"),
    ],
)
def test_faults(tmp_path: Path, name: str, content: str, message: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        table_index(path)


def test_a_folder_with_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither recordings nor a table"):
        table_index(tmp_path)
