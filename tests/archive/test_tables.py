from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from anomaly.archive.tables import summary, table, write_tables
from anomaly.atomic import check_writable
from anomaly.errors import ConfigError

GOOD = {
    "path": 'a "b", c.wav',
    "seconds": 2.0,
    "score": 0.1 + 0.2,
    "p_value": 1 / 3,
    "state": "ALARM",
    "status": "ok",
    "error": None,
}
BAD = dict.fromkeys(GOOD, None) | {"path": "d.wav", "status": "error", "error": "is empty (0 bytes)"}
SECONDS: list[dict[str, Any]] = [{"second": 0, "score": 0.3, "p_value": 0.25, "state": None}]


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return list(csv.DictReader(file))


def test_table_has_a_line_for_each_file() -> None:
    head, good, bad = table([GOOD, BAD])
    assert head == ["state", "score", "p", "seconds", "status", "path", "problem"]
    assert good == ["ALARM", "0.300", "0.33", "2.0", "ok", 'a "b", c.wav', ""]
    assert bad == [*["–"] * 4, "error", "d.wav", "is empty (0 bytes)"]


def test_table_without_problems_has_no_column_for_them() -> None:
    assert [line[-1] for line in table([GOOD])] == ["path", GOOD["path"]]


def test_summary_counts() -> None:
    assert summary([GOOD, GOOD | {"state": "OK"}]) == "2 of 2 files scored: 1 OK, 1 ALARM"
    assert summary([GOOD, BAD]) == "1 of 2 files scored: 1 ALARM; 1 could not be"
    assert summary([BAD]) == "0 of 1 files scored; 1 could not be"


def test_both_files_hold_every_bit(tmp_path: Path) -> None:
    written = write_tables(tmp_path / "new" / "scores", [GOOD, BAD])
    assert [path.name for path in written] == ["scores.jsonl", "scores.csv"]
    assert [json.loads(line) for line in written[0].read_text().splitlines()] == [GOOD, BAD]
    first, second = read(written[1])
    assert first["path"] == GOOD["path"]
    assert float(first["score"]) == GOOD["score"]
    assert (second["score"], second["error"]) == ("", "is empty (0 bytes)")


def test_seconds_have_a_table_of_their_own(tmp_path: Path) -> None:
    rows = [GOOD | {"per_second": SECONDS}, BAD | {"per_second": []}]
    written = write_tables(tmp_path, rows)
    assert read(written[2]) == [
        {"path": 'a "b", c.wav', "second": "0", "score": "0.3", "p_value": "0.25", "state": ""}
    ]
    assert "per_second" not in read(written[1])[0]


def test_a_name_that_is_no_text_keeps_its_bytes(tmp_path: Path) -> None:
    name = b"pump\xff.wav".decode("utf-8", "surrogateescape")
    jsonl, table = write_tables(tmp_path, [GOOD | {"path": name}])
    assert os.fsencode(read(table)[0]["path"]) == b"pump\xff.wav"
    assert os.fsencode(json.loads(jsonl.read_text())["path"]) == b"pump\xff.wav"


def test_a_folder_that_cannot_be_is_refused_at_once(tmp_path: Path) -> None:
    check_writable(tmp_path / "not" / "yet", "--out")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        check_writable(tmp_path / "file" / "scores", "--out")


def test_a_folder_without_permission_is_refused(
    tmp_path: Path, unprivileged: Callable[[], AbstractContextManager[None]]
) -> None:
    (tmp_path / "locked").mkdir(mode=0o555)
    with unprivileged(), pytest.raises(ConfigError, match="cannot be written"):
        check_writable(tmp_path / "locked" / "scores", "--out")
