"""`anomaly verify` says whether a bundle can be trusted, by words, JSON and exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anomaly.bundle import write_bundle
from anomaly.cli import run
from anomaly.manifest import Draft


@pytest.fixture
def models(tmp_path: Path) -> Path:
    draft = Draft(
        machine="pump", front_end={}, detectors={}, data_fingerprint="d", code_fingerprint="c", metrics={}
    )
    write_bundle(tmp_path / "pump", draft, {"network.bit": b"01"})
    return tmp_path


def test_a_whole_bundle(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", "pump", "--models", str(models)]) == 0
    said = capsys.readouterr()
    assert "machine    pump" in said.out
    assert "signature  not signed" in said.out
    assert "network.bit  2 bytes" in said.out
    assert said.err == ""


def test_json(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(models / "pump"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], found["machine"], found["signature"]) == (True, "pump", "none")
    assert found["files"]["network.bit"]["size"] == 2


def test_a_flipped_byte(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (models / "pump" / "network.bit").write_bytes(b"00")
    assert run(["verify", "pump", "--models", str(models)]) == 5
    said = capsys.readouterr()
    assert said.out == ""
    assert "network.bit: is damaged" in said.err


def test_an_unknown_machine(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", "fan", "--models", str(models)]) == 3
    assert "bundles here: pump" in capsys.readouterr().err


def test_a_key_that_is_none(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", "pump", "--models", str(models), "--key", str(models / "no.pub")]) == 3
    assert "no.pub: the key cannot be read" in capsys.readouterr().err
