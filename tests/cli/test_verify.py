"""`anomaly verify` says whether a bundle can be trusted, by words, JSON and exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anomaly.bundle import open_bundle, write_bundle
from anomaly.bundle.manifest import ManifestDraft
from anomaly.cli import run
from chip.network import Network


@pytest.fixture
def models(tmp_path: Path) -> Path:
    draft = ManifestDraft(
        machine="pump", front_end={}, detectors={}, data_fingerprint="d", code_fingerprint="c", metrics={}
    )
    write_bundle(tmp_path / "pump", draft, {"network.bit": b"01"})
    return tmp_path


def test_a_whole_bundle(pump_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", "pump", "--models", str(pump_bundle.parent)]) == 0
    said = capsys.readouterr()
    assert "machine    pump" in said.out
    assert "signature  not signed" in said.out
    assert "file       network.bit" in said.out
    assert "decodes to the trained network" in said.out
    assert said.err == ""


def test_a_machine_is_named_as_elsewhere(pump_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models = ["--models", str(pump_bundle.parent)]
    assert run(["verify", "--machine", "pump", *models]) == 0
    assert run(["verify", *models]) == 0
    assert capsys.readouterr().out.count("machine    pump") == 2
    assert run(["verify", "pump", "--machine", "pump", *models]) == 2
    assert "name the bundle once" in capsys.readouterr().err


def test_json(pump_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(pump_bundle), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], found["machine"], found["signature"]) == (True, "pump", "none")
    assert found["files"]["network.bit"]["size"] == (pump_bundle / "network.bit").stat().st_size


def test_whole_but_no_model(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", "pump", "--models", str(models)]) == 5
    assert "made by another front end" in capsys.readouterr().err


def test_a_bitstream_of_another_network(
    pump_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opened = open_bundle(pump_bundle)
    files = {name: opened.read(name) for name in opened.manifest.files}
    network = Network.from_npz(files["network.npz"])
    columns = network.arrays() | {"theta_p": network.theta_p + (network.theta_p == network.theta_p.max())}
    files["network.npz"] = Network(n_inputs=network.n_inputs, **columns).to_npz()
    draft = ManifestDraft(**{key: getattr(opened.manifest, key) for key in ManifestDraft.model_fields})
    write_bundle(tmp_path / "pump", draft, files)
    assert run(["verify", "pump", "--models", str(tmp_path)]) == 5
    assert "network.bit: decodes to another network" in capsys.readouterr().err


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
