"""`anomaly chip check --repair`: reports its actions and writes a network only if it fits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from anomaly.cli import run
from chip.arch import load_arch
from chip.network import Network
from chip.rules import fits
from chip.testing import random_network


@pytest.fixture
def heavy(tmp_path: Path) -> Path:
    """A network of which one neuron has one synapse too many."""
    path = tmp_path / "heavy.npz"
    network = Network(
        n_inputs=26,
        theta_p=[9],
        theta_n=[9],
        negative=[1],
        w_fb=[9],
        decay=[0],
        source=np.arange(26),
        target=[0] * 26,
        weight=[5] * 26,
        outputs=[0],
    )
    path.write_bytes(network.to_npz())
    return path


def test_repair_writes_a_network_that_fits(
    heavy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, spikes = tmp_path / "fits.npz", tmp_path / "spikes.npz"
    np.savez_compressed(spikes, spikes=np.eye(26, dtype=np.int8)[:, None])
    words = ["chip", "check", str(heavy), "--repair", str(out), "--input-spikes", str(spikes)]
    assert run(words) == 0
    shown = capsys.readouterr()
    assert "error: fan_in: neuron 0: 26 synapses, limit 25" in shown.out
    assert "repaired: fan_in: neuron 0: 2 synapses of weight ±5 go through the new neuron 1" in shown.out
    assert "on the given input: outputs agree in" in shown.err
    assert fits(Network.from_npz(out.read_bytes()), load_arch("senna"))
    assert run([*words, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert (content["fits"], content["repair"]["fits"]) == (False, True)
    assert content["repair"]["actions"][0]["rule"] == "fan_in"


def test_unrepaired_network_is_reported_and_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "many.json", tmp_path / "out.npz"
    path.write_text(random_network(load_arch("senna"), seed=3, inputs=129).to_json())
    assert run(["chip", "check", str(path), "--repair", str(out)]) == 5
    shown = capsys.readouterr()
    assert "not repaired: input_count: network: which inputs can be spared" in shown.out
    assert "nothing written" in shown.err
    assert not out.exists()


@pytest.mark.parametrize("content", [b"PK\x05\x06" + bytes(18), b"nothing", b""])
def test_damaged_spikes_are_refused(
    content: bytes, heavy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spikes = tmp_path / "spikes.npz"
    spikes.write_bytes(content)
    words = ["chip", "check", str(heavy), "--repair", str(tmp_path / "o.npz"), "--input-spikes", str(spikes)]
    assert run(words) == 4
    assert "holds no spikes" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name", ["out.json", "out.bit", "out", "out.jpg", "heavy.npz", "folder.npz", "spikes.npz"]
)
def test_repair_is_written_to_a_separate_npz(
    heavy: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder.npz").mkdir()
    spikes = tmp_path / "spikes.npz"
    np.savez_compressed(spikes, spikes=np.eye(26, dtype=np.int8)[:, None])
    before = {path: path.read_bytes() for path in (heavy, spikes)}
    words = ["--repair", str(tmp_path / name), "--input-spikes", str(spikes)]
    assert run(["chip", "check", str(heavy), *words]) == 2
    shown = capsys.readouterr()
    assert "error: --repair: " in shown.err
    assert name in shown.err
    assert shown.out == ""
    assert {path: path.read_bytes() for path in (heavy, spikes)} == before
    assert {path.name for path in tmp_path.iterdir()} == {"heavy.npz", "spikes.npz", "folder.npz"}


def test_spikes_need_repair(heavy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["chip", "check", str(heavy), "--input-spikes", "spikes.npy"]) == 2
    assert "--input-spikes: has no effect without --repair" in capsys.readouterr().err
