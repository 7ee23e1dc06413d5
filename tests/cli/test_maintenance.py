"""`anomaly maintenance`: on, off, list."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from anomaly.alerts import DATABASE_NAME, Case, Store
from anomaly.cli import run

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def store(own_folder: Path) -> Iterator[Store]:
    (own_folder / "site.yaml").write_text(
        "machines:\n  pump: {device: mic}\n  fan: {device: mic2, maintenance: ['00:00-24:00']}\n"
    )
    with Store.open(own_folder / "state" / DATABASE_NAME) as opened:
        yield opened


def test_on_list_off(store: Store, capsys: Capture) -> None:
    case = Case("pump", "machine", "2027-01-15T08:00:00.000Z", "A tone")
    store.cases.open(case)
    assert run(["maintenance", "on", "pump", "--for", "2h", "--by", "ann", "--note", "new belt"]) == 0
    assert capsys.readouterr().out.startswith("pump: in maintenance until ")
    assert run(["maintenance", "list"]) == 0
    said = capsys.readouterr()
    assert "by ann: new belt" in said.out.splitlines()[0]
    assert said.out.splitlines()[1].split(None, 1) == ["fan", "by a window of the site file"]
    assert said.err == "2 in maintenance\n"
    assert run(["maintenance", "off", "pump", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"machine": "pump", "ended": True}
    assert store.history.events(case_id=case.id)[-1].event == "case.unshelved"
    assert run(["maintenance", "off", "pump"]) == 0
    assert capsys.readouterr().out == "pump: was not in maintenance\n"
    assert run(["maintenance", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"by_hand": [], "planned": ["fan"]}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["on", "pmup"], 3, "there is no machine 'pmup'"),
        (["off", "pmup"], 3, "there is no machine 'pmup'"),
        (["on", "pump", "--for", "40d"], 2, "cannot be in maintenance for 40 days"),
        (["on", "pump", "--for", "long"], 2, "is no span of time"),
    ],
)
def test_mistakes(words: list[str], code: int, said: str, store: Store, capsys: Capture) -> None:
    assert run(["maintenance", *words]) == code
    refused = capsys.readouterr()
    assert said in refused.err
    assert refused.out == ""
