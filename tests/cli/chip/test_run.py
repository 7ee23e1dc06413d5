"""`anomaly chip simulate` and `report`: rasters, imperfect chips, and errors in every argument."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anomaly.cli import run
from chip.arch import load_arch
from chip.network import Network
from chip.sim.imperfection import Imperfection
from chip.sim.simulator import Simulator
from chip.sim.stimulus import random_spikes


def test_raster_holds_every_spike(file: Path, tmp_path: Path, network: Network) -> None:
    target = tmp_path / "new" / "raster.npz"
    assert (
        run(["chip", "simulate", str(file), "--steps", "40", "--rate", "0.5", "--raster", str(target)]) == 0
    )
    inputs = random_spikes(network.n_inputs, 40, rate=0.5)
    expected = Simulator(network, v_sat=load_arch("senna").v_sat).run(inputs, record="all")
    with np.load(target) as raster:
        np.testing.assert_array_equal(raster["inputs"], inputs)
        np.testing.assert_array_equal(raster["neurons"], np.asarray(expected.neurons))
        np.testing.assert_array_equal(raster["neurons"][:, :, raster["outputs"]], expected.outputs)


def test_raster_as_a_picture(file: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    target = tmp_path / "raster.png"
    assert run(["chip", "simulate", str(file), "--steps", "40", "--raster", str(target)]) == 0
    assert target.read_bytes().startswith(b"\x89PNG")


def test_imperfections_reach_the_simulator(
    file: Path, network: Network, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--mismatch", "0.1", "--noise", "2", "--lost-events", "0.1", "--extra-leak", "6", "--chip", "3"]
    shown = []
    for seed in ("5", "5", "6"):
        assert run(["chip", "simulate", str(file), "--steps", "99", *words, "--seed", seed, "--json"]) == 0
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1] != shown[2]
    imperfection = Imperfection(
        weight_mismatch_sigma=0.1, noise_sigma=2.0, lost_events=0.1, extra_leak_shift=6, seed=5
    )
    arch = load_arch("senna")
    simulator = Simulator(network, v_sat=arch.v_sat, imperfection=imperfection, chip=3)
    expected = simulator.run(random_spikes(network.n_inputs, 99, seed=5))
    summary: dict[str, Any] = json.loads(shown[0])
    assert (summary["spikes"], summary["sop"]) == (expected.spikes, expected.sop)
    assert summary["input_spikes"] == expected.input_spikes


def test_spikes_without_a_step_are_refused(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "empty.npy", np.zeros((0, 1, 8), np.int8))
    assert run(["chip", "simulate", str(file), "--spikes", str(tmp_path / "empty.npy")]) == 4
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "empty.npy: holds no steps" in shown.err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--mismatch", "-1"], 2, "--mismatch"),
        (["--mismatch", "nan"], 2, "--mismatch"),
        (["--noise", "loud"], 2, "--noise"),
        (["--lost-events", "2"], 2, "--lost-events"),
        (["--extra-leak", "31"], 2, "--extra-leak"),
        (["--chip", "-1"], 2, "--chip"),
        (["--chip", "3"], 2, "--chip: has no effect without --mismatch or --noise or --lost-events"),
        (["--chip", "3", "--extra-leak", "2"], 2, "--chip: has no effect without"),
        (["--raster", "raster.gif"], 2, "--raster: raster.gif is neither a .png nor a .npz"),
        (["--raster", "x.jpg"], 2, "--raster"),
        (["--seed", str(1 << 63)], 2, "--seed"),
        (["--steps", "0"], 2, "--steps"),
    ],
)
def test_usage_error_is_reported(
    file: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, message: str
) -> None:
    assert run(["chip", "simulate", str(file), *words]) == code
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--steps", "9"], ["--rate", "0.5"], ["--steps", "1000"]])
def test_spikes_exclude_options_of_random_input(
    file: Path, tmp_path: Path, network: Network, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    np.save(tmp_path / "spikes.npy", random_spikes(network.n_inputs, 5))
    given = ["--spikes", str(tmp_path / "spikes.npy")]
    assert run(["chip", "simulate", str(file), *given, *words]) == 2
    assert f"{words[0]}: has no effect with --spikes" in capsys.readouterr().err
    assert run(["chip", "simulate", str(file), *given]) == 0


def test_input_files_are_not_overwritten(
    file: Path, tmp_path: Path, network: Network, capsys: pytest.CaptureFixture[str]
) -> None:
    before = file.read_bytes()
    assert run(["chip", "simulate", str(file), "--raster", str(file)]) == 2
    assert "--raster: " in capsys.readouterr().err
    np.save(tmp_path / "outputs.npy", random_spikes(network.n_inputs, 5))
    words = ["--spikes", str(tmp_path / "outputs.npy"), "--out", str(tmp_path)]
    assert run(["chip", "simulate", str(file), *words]) == 2
    assert "outputs.npy would be written over" in capsys.readouterr().err
    assert file.read_bytes() == before


@pytest.mark.parametrize("command", ["simulate", "report"])
def test_unwritable_folder_is_detected_before_the_run(
    file: Path, tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").touch()
    raster = ["--raster", str(tmp_path / "raster.npz")] if command == "simulate" else []
    assert run(["chip", command, str(file), *raster, "--out", str(tmp_path / "taken")]) == 3
    assert "taken" in capsys.readouterr().err
    assert not (tmp_path / "raster.npz").exists()
