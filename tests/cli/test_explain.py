"""Command `explain`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from anomaly.cli import run


@pytest.fixture(scope="module")
def ticking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a recording with impacts at 90 Hz: the outer race of a 6205 at 25.1 turns a second."""
    rng = np.random.default_rng(0)
    samples = 0.02 * rng.standard_normal(36_000)
    ring = 0.2 * np.exp(-np.arange(200) / 20) * np.sin(np.arange(200) * 1.7)
    for start in (np.cumsum(1 + 0.004 * rng.standard_normal(260)) * 12_000 / 90).astype(int):
        samples[start : start + 200] += ring[: len(samples[start : start + 200])]
    path = tmp_path_factory.mktemp("explain") / "pump.wav"
    soundfile.write(path, samples, 12_000)
    return path


def test_explains_a_file_without_a_trained_machine(
    ticking: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = tmp_path / "facts.yaml"
    facts.write_text("bearings: 6205\n")
    arguments = ["explain", str(ticking), "--facts", str(facts), "--rpm", "1506", "--json", "--pictures"]
    assert run([*arguments, str(tmp_path / "pictures")]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["family"] == "outer-race"
    assert found["speed_source"] == "given"
    assert found["candidates"][0]["frequency_hz"] == pytest.approx(90, rel=0.005)
    assert Path(found["pictures"][0]).read_bytes().startswith(b"\x89PNG")


def test_facts_of_a_machine_come_from_the_site_file(
    ticking: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = tmp_path / "site.yaml"
    site.write_text("machines:\n  pump:\n    device: x\n    facts: {speed_rpm: 1506, bearings: [6205]}\n")
    assert run(["explain", str(ticking), "--machine", "pump", "--config", str(site)]) == 0
    assert "outer race of the 6205 at 1,506 rpm" in capsys.readouterr().out
    assert run(["explain", str(ticking), "--machine", "fan", "--config", str(site)]) == 3
    assert "machines of the site file: pump" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--rpm", "-3"], 2, "--rpm: -3 is no speed"),
        (["--rpm", "500000"], 2, "beyond a quarter of the sample rate"),
        (["--facts", "missing.yaml"], 3, "missing.yaml"),
    ],
)
def test_errors_name_option_and_remedy(
    ticking: Path, capsys: pytest.CaptureFixture[str], options: list[str], code: int, words: str
) -> None:
    assert run(["explain", str(ticking), *options]) == code
    assert words in capsys.readouterr().err
