"""`anomaly status`: what it prints, and what it says where nothing is monitored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anomaly.cli import run

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(own_folder: Path) -> Path:
    return own_folder


def test_json(folder: Path, capsys: Capture) -> None:
    (folder / "site.yaml").write_text("machines: {pump: {device: hw:0}}\nsinks: {}\n")
    assert run(["status", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"machines", "sinks", "disk", "database"}
    (pump,) = found["machines"]
    assert {
        "machine",
        "state",
        "since",
        "last_sound",
        "sensor",
        "operating_state",
        "open_cases",
        "model",
    } < set(pump)
    assert (pump["machine"], pump["state"]) == ("pump", None)


def test_lines(folder: Path, capsys: Capture) -> None:
    (folder / "site.yaml").write_text("machines: {pump: {device: hw:0}}\n")
    assert run(["status"]) == 0
    machine, *others = capsys.readouterr().out.splitlines()
    assert machine.startswith("UNKNOWN  pump")
    assert [line.split()[0] for line in others] == ["sink", "disk", "database"]


def test_without_a_site_and_a_state_folder(capsys: Capture) -> None:
    assert run(["status"]) == 3
    assert "anomaly monitor" in capsys.readouterr().err
