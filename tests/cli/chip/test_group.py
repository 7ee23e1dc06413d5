"""Chip commands: data on stdout, messages on stderr, documented exit codes, output files."""

from __future__ import annotations

import errno
import json
import os
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anomaly.cli import run
from chip.arch import load_arch
from chip.compiler import compile_network
from chip.layout.implementation import spike_rates
from chip.network import Network
from chip.reporting.pictures import PICTURES
from chip.testing import random_network


@pytest.fixture
def too_wide(tmp_path: Path) -> Path:
    path = tmp_path / "wide.json"
    path.write_text(random_network(load_arch("senna"), seed=11, inputs=129).to_json())
    return path


def _json(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(capsys.readouterr().out)
    return content


def test_check_of_a_network_that_fits(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["chip", "check", str(file), "--json"]) == 0
    assert _json(capsys)["fits"] is True


def test_check_of_a_network_that_does_not_fit_exits_with_5(
    too_wide: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["chip", "check", str(too_wide)]) == 5
    shown = capsys.readouterr()
    assert "error: input_count: network: 129, limit 128" in shown.out
    assert "senna: 1 errors" in shown.err


def test_compile_writes_a_bitstream_that_decodes(
    file: Path, tmp_path: Path, network: Network, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("stays")
    assert run(["chip", "compile", str(file), "--json", "--out", str(out)]) == 0
    report = _json(capsys)
    keys = {"routed", "verified", "channel_width", "min_channel_width", "wirelength", "activity_wirelength"}
    assert keys | {"neurons", "synapses", "seconds"} <= set(report)
    written = {"network.bit", "layout.json", "report.json", "report.txt", "report.html", *PICTURES}
    assert {path.name for path in out.iterdir()} == written | {"mine.txt"}
    layout = json.loads((out / "layout.json").read_text())
    assert len({tuple(cell) for cell in layout["neurons"]}) == report["neurons"]
    used = [sum(map(sum, layout["congestion"][way])) for way in ("horizontal", "vertical")]
    assert sum(used) == report["wire_segments"]
    assert json.loads((out / "report.json").read_text()) == report
    assert run(["chip", "decode", str(out / "network.bit"), "--out", str(tmp_path / "back")]) == 0
    assert Network.from_npz((tmp_path / "back" / "network.npz").read_bytes()).same_as(network)
    assert capsys.readouterr().out == ""
    assert run(["chip", "decode", str(out / "network.bit")]) == 0
    assert Network.from_json(capsys.readouterr().out).same_as(network)


def test_decode_against_names_what_differs(
    file: Path, tmp_path: Path, network: Network, capsys: pytest.CaptureFixture[str]
) -> None:
    written, read = tmp_path / "out" / "network.bit", tmp_path / "read.bit"
    assert run(["chip", "compile", str(file), "--out", str(written.parent)]) == 0
    arch = load_arch("senna")
    theta = network.theta_p.copy()
    theta[3] ^= 1
    other = Network(n_inputs=network.n_inputs, **network.arrays() | {"theta_p": theta})
    read.write_bytes(compile_network(other, arch, rates=spike_rates(network, arch)).bitstream)
    capsys.readouterr()
    assert run(["chip", "decode", str(written), "--against", str(written), "--json"]) == 0
    assert _json(capsys) == {"same": True, "differences": []}
    assert run(["chip", "decode", str(written), "--against", str(written)]) == 0
    assert capsys.readouterr().err == f"{written} is as {written} was written\n"
    assert run(["chip", "decode", str(read), "--against", str(written)]) == 5
    words = capsys.readouterr().out
    assert words.startswith("cell (")
    assert words.endswith(f"theta_p is {theta[3]}, written was {network.theta_p[3]}\n")


@pytest.mark.parametrize("there", [True, False])
def test_full_disk_leaves_no_partial_files(
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    there: bool,
) -> None:
    out, synced = tmp_path / "out", []
    if there:
        out.mkdir()
        (out / "network.bit").write_text("old")

    def full(descriptor: int) -> None:
        synced.append(descriptor)
        if len(synced) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert run(["chip", "compile", str(file), "--out", str(out)]) == 3
    assert "cannot be written: No space left on device" in capsys.readouterr().err
    assert [path.read_text() for path in tmp_path.rglob("*.bit")] == (["old"] if there else [])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [file.name, *(["out"] if there else [])]
    )


@pytest.mark.parametrize(
    "words",
    [
        ["check", "no.npz"],
        ["compile", "no.json"],
        ["report", "no.npz"],
        ["simulate", "FILE", "--spikes", "no.npy"],
        ["check", "FILE", "--repair", "out.npz", "--input-spikes", "no.npz"],
    ],
)
def test_missing_input_file_exits_with_4(
    words: list[str], file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["chip", *(str(file) if word == "FILE" else word for word in words)]) == 4
    error = capsys.readouterr().err
    assert "No such file" in error
    assert "no." in error


def test_compile_without_matplotlib_writes_all_but_pictures(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    out = tmp_path / "out"
    assert run(["chip", "compile", str(file), "--out", str(out)]) == 0
    reports = {"layout.json", "report.json", "report.txt", "report.html"}
    assert {path.name for path in out.iterdir()} == reports | {"network.bit"}
    assert "no pictures: pictures need Matplotlib" in capsys.readouterr().err


def test_compile_with_spikes(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "spikes.npy", np.ones((40, 1, 8), np.int8))
    words = ["chip", "compile", str(file), "--spikes", str(tmp_path / "spikes.npy"), "--seed", "3"]
    assert run([*words, "--out", str(tmp_path / "out")]) == 0
    assert "on the given spikes" in (tmp_path / "out" / "report.txt").read_text()


def test_compile_derives_the_folder_from_the_name(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["chip", "compile", str(file)]) == 0
    assert (tmp_path / "network" / "network.bit").is_file()
    shown = capsys.readouterr()
    assert (shown.out, "verified: 24 neurons" in shown.err) == ("", True)


def test_failed_compile_writes_nothing(
    too_wide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["chip", "compile", str(too_wide), "--out", str(tmp_path / "out")]) == 5
    assert not (tmp_path / "out").exists()
    assert "input_count" in capsys.readouterr().err


def test_simulate_counts_and_brackets_the_energy(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spikes = np.ones((50, 2, 8), np.int8)
    np.save(tmp_path / "spikes.npy", spikes)
    words = ["chip", "simulate", str(file), "--spikes", str(tmp_path / "spikes.npy"), "--json"]
    assert run([*words, "--out", str(tmp_path / "out")]) == 0
    summary = _json(capsys)
    assert (summary["steps"], summary["streams"], summary["input_spikes"]) == (50, 2, 800)
    assert summary["cost"]["figures"]["step_hz"]["value"] == 125
    outputs = np.load(tmp_path / "out" / "outputs.npy")
    assert np.count_nonzero(outputs, axis=(0, 1)).tolist() == summary["output_spikes"]


def test_simulate_on_random_input_repeats_with_its_seed(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = []
    for _ in range(2):
        assert run(["chip", "simulate", str(file), "--steps", "30", "--rate", "0.5", "--seed", "3"]) == 0
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1]
    assert "stepped, all leakage" in shown[0]


def test_report_writes_text_and_json(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["chip", "report", str(file), "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out == (tmp_path / "out" / "report.txt").read_text()
    assert run(["chip", "report", str(file), "--json"]) == 0
    assert _json(capsys) == json.loads((tmp_path / "out" / "report.json").read_text())


def test_report_compares_with_other_chips(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["chip", "report", str(file), "--compare", "--json"]) == 0
    report = _json(capsys)
    names = [chip["name"] for chip in report["comparison"]]
    assert names == ["senna", "loihi", "spinnaker", "truenorth", "xylo"]
    assert report["neurobench"]["connection_sparsity"] < 1


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["check", "missing.npz"], 4, "missing.npz: cannot be read"),
        (["check", "FILE", "--arch", "missing.yaml"], 3, "one of: senna"),
        (["simulate", "FILE", "--spikes", "FILE"], 4, "holds no spikes"),
        (["simulate", "FILE", "--step-hz", "1e9"], 2, "at most 2.5e+07 steps a second"),
        (["simulate", "FILE", "--rate", "2"], 2, "--rate"),
        (["decode", "DAMAGED"], 5, "is not a bitstream"),
        (["compile", "FILE", "--out", "FILE"], 3, "cannot be written"),
    ],
)
def test_failures_have_messages_and_exit_codes(
    words: list[str], code: int, message: str, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = tmp_path / "damaged.bit"
    damaged.write_bytes(bytes(48) + zlib.crc32(bytes(48)).to_bytes(4, "little"))
    names = {"FILE": str(file), "DAMAGED": str(damaged)}
    assert run(["chip", *(names.get(word, word) for word in words)]) == code
    assert message in capsys.readouterr().err
