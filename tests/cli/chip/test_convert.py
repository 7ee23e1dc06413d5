"""NIR on the command line: every chip command reads it, convert writes it and declares differences."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import nir
import numpy as np
import pytest

from anomaly.cli import run
from chip.arch import load_arch
from chip.bitstream import encode
from chip.network import Network
from chip.nir import import_nir, write_nir

SENNA = load_arch("senna")


@pytest.fixture
def exported(tmp_path: Path, network: Network) -> Path:
    path = tmp_path / "network.nir"
    path.write_bytes(write_nir(network))
    return path


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A graph of another tool: fractions, a leak, a bias."""
    path, ones = tmp_path / "foreign.nir", np.ones(4)
    weight = np.random.default_rng(0).normal(0.3, 0.3, (4, 3))
    neurons = nir.LIF(tau=9e-4 * ones, r=9 * ones, v_leak=0 * ones, v_threshold=ones)
    nir.write(path, nir.NIRGraph.from_list(nir.Input(np.array([3])), nir.Affine(weight, 0.1 * ones), neurons))
    return path


@pytest.mark.parametrize("words", [["check"], ["simulate", "--steps", "20"], ["report"], ["decode"]])
def test_every_command_reads_nir(
    words: list[str], exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command, *options = words
    assert run(["chip", command, str(exported), *options, "--json"]) == 0
    from_nir = capsys.readouterr()
    npz = exported.with_suffix(".npz")
    assert run(["chip", "convert", str(exported), str(npz)]) == 0
    capsys.readouterr()
    # An export states its step, which is that of NIR unless --dt gave another.
    pace = ["--step-hz", "10000"] if command in ("simulate", "report") else []
    compared = ["--compare"] if command == "report" else []
    assert run(["chip", command, str(npz), *options, *pace, *compared, "--json"]) == 0
    assert from_nir.out == capsys.readouterr().out
    assert "declared" not in from_nir.err


def test_nir_is_compiled(exported: Path, network: Network, tmp_path: Path) -> None:
    assert run(["chip", "compile", str(exported), "--out", str(tmp_path / "out")]) == 0
    assert (
        run(["chip", "decode", str(tmp_path / "out" / "network.bit"), "--out", str(tmp_path / "back")]) == 0
    )
    assert Network.from_npz((tmp_path / "back" / "network.npz").read_bytes()).same_as(network)


def test_approximations_of_an_import_are_reported(foreign: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["chip", "check", str(foreign), "--json"]) == 5
    assert json.loads(capsys.readouterr().out)["findings"][-1]["rule"] == "agreement"
    assert run(["chip", "check", str(foreign), "--lossy", "--json"]) == 0
    said = capsys.readouterr()
    content = json.loads(said.out)
    assert content["fits"] is True
    assert 0.5 < content["import"]["agreement"]["lif"]["agreement"] < 0.95
    assert "accepted" not in str(content["import"]["verdict"]["kept"])
    assert content["import"]["dt_s"] == 1e-4
    for about in ("lif: reset", "lif: leak", "graph: time"):
        assert f"declared: {about}" in said.err
    assert "--measure" in said.err


@pytest.mark.parametrize("suffix", [".npz", ".json", ".bit"])
def test_round_trip_through_nir(suffix: str, tmp_path: Path, network: Network) -> None:
    source, out, back = tmp_path / f"a{suffix}", tmp_path / "a.nir", tmp_path / "back.json"
    contents = {".npz": network.to_npz(), ".json": network.to_json().encode(), ".bit": encode(network, SENNA)}
    source.write_bytes(contents[suffix])
    assert run(["chip", "convert", str(source), str(out), "--dt", "0.008"]) == 0
    assert import_nir(out.read_bytes(), SENNA).dt_s == 0.008
    assert run(["chip", "convert", str(out), str(back)]) == 0
    assert Network.from_json(back.read_text()).same_as(network)


def test_import_is_measured(foreign: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, spikes = tmp_path / "a.npz", tmp_path / "spikes.npy"
    np.save(spikes, (np.random.default_rng(0).random((300, 3)) < 0.4).astype(np.int8))
    command = [
        "chip",
        "convert",
        str(foreign),
        str(out),
        "--spikes",
        str(spikes),
        "--reset",
        "subtract",
        "--measure",
        "--lossy",
    ]
    assert run([*command, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert "chip" in content["agreement"]
    assert 0.5 < content["agreement"]["chip"]["agreement"] < 1
    assert (content["exact"], content["dt_s"]) == (False, 1e-4)
    about = {(one["node"], one["about"]): one["exact"] for one in content["declarations"]}
    assert (about["lif", "reset"], about["lif", "leak"]) == (True, False)
    assert run(command) == 0
    assert "agreement: chip: 0." in capsys.readouterr().out


def test_feedback_is_fitted_to_keep_counts(
    foreign: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    off = {}
    for words in ([], ["--fit"]):
        command = ["chip", "convert", str(foreign), str(tmp_path / "a.npz"), "--lossy", "--json", *words]
        assert run(command) == 0
        off[len(words)] = json.loads(capsys.readouterr().out)["agreement"]["chip"]["count_difference"]
    assert off[1] < 0.7 * off[0]


def test_usage_errors_are_reported_and_nothing_is_written(
    foreign: Path, exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, npz = tmp_path / "out.npz", tmp_path / "in.npz"
    assert run(["chip", "convert", str(exported), str(npz)]) == 0
    capsys.readouterr()
    cases = (
        ([str(foreign), str(tmp_path / "out.txt")], 2, "suffix '.txt'"),
        ([str(foreign), str(tmp_path / "out.bit")], 2, "anomaly chip compile"),
        ([str(tmp_path / "none.nir"), str(out)], 4, "none.nir: cannot be read"),
        ([str(foreign), str(out), "--dt", "0"], 2, "--dt: is 0, not a time above 0"),
        ([str(npz), str(tmp_path / "out.nir"), "--dt", "-1"], 2, "--dt: is -1, not a time above 0"),
        ([str(npz), str(tmp_path / "out.nir"), "--dt", "nan"], 2, "--dt: is nan"),
        ([str(foreign), str(out), "--dt", "soon"], 2, "--dt"),
        ([str(foreign), str(out), "--reset", "half"], 2, "--reset"),
        ([str(foreign), str(out), "--arch", "none"], 3, "none"),
        ([str(foreign), str(out), "--spikes", str(foreign)], 4, "holds no spikes"),
        ([str(foreign), str(out), "--fit", "--reset", "subtract"], 2, "resets to a value"),
        ([str(npz), str(out), "--reset", "subtract"], 2, "about reading a .nir file"),
        ([str(npz), str(out), "--dt", "1"], 2, "only NIR has time"),
        ([str(npz), str(out), "--measure"], 2, "about reading a .nir file"),
        ([str(exported), str(out), "--measure"], 2, "--measure: says nothing"),
        ([str(exported), str(out), "--fit"], 2, "--fit: says nothing"),
        ([str(exported), str(out), "--reset", "zero"], 2, "--reset: says nothing"),
        ([str(exported), str(out), "--dt", "1"], 2, "--dt: says nothing"),
        ([str(npz), str(out), "--reset", "zero"], 2, "--reset: is about reading a .nir file"),
        ([str(npz), str(npz)], 2, "OUT: "),
        ([str(npz), str(tmp_path)], 2, "has the suffix ''"),
    )
    for words, code, said in cases:
        assert run(["chip", "convert", *words]) == code, words
        shown = capsys.readouterr()
        assert said in shown.err
        assert shown.out == ""
        assert not out.exists()


def test_malformed_node_is_reported_with_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "delay.nir"
    nodes = (nir.Input(np.array([2])), nir.Delay(-np.ones(2)), nir.IF(np.ones(2), np.ones(2)))
    nir.write(path, nir.NIRGraph.from_list(*nodes))
    assert run(["chip", "check", str(path)]) == 4
    assert f"error: {path}: node 'delay' (Delay): has a negative delay" in capsys.readouterr().err


def test_missing_package_is_reported_with_a_remedy(
    exported: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "nir", None)
    assert run(["chip", "check", str(exported)]) == 3
    assert "pip install 'anomaly[nir]'" in capsys.readouterr().err


def test_step_and_pace_are_the_same_thing(foreign: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["chip", "simulate", str(foreign), "--lossy", "--steps", "50", "--json"]
    seconds = []
    for pace in ([], ["--dt", "2e-4"], ["--step-hz", "5000"]):
        assert run([*words, *pace]) == 0
        seconds.append(json.loads(capsys.readouterr().out)["cost"]["figures"]["seconds"]["value"])
    assert seconds == pytest.approx([50e-4, 100e-4, 100e-4])
    assert run([*words, "--dt", "1e-4", "--step-hz", "1000"]) == 2
    assert "--dt: is the same thing as --step-hz" in capsys.readouterr().err
    assert run(["chip", "simulate", str(foreign)]) == 5
    assert "--lossy" in capsys.readouterr().err
