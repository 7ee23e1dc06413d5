"""`anomaly train` to a budget, on an accelerator, with so many bits: what is kept, and what cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from anomaly.bundle import open_bundle
from anomaly.cli import run
from support.clips import write_clips

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own", "few_layouts")
# Five recordings of six seconds: enough for a teacher, and too few for one of each fold.
SHORT, CLIP_S = slice(0, 30 * 16_000), 6


@pytest.fixture
def few_layouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave three layouts of two sizes to the search for a student within a budget."""
    from anomaly.student import budget

    monkeypatch.setattr(budget, "_STEADY", budget._STEADY[:1])
    monkeypatch.setattr(budget, "_SMALLEST", budget._SMALLEST[-1:])
    monkeypatch.setattr(budget, "_FAN_INS", (25, 3))
    monkeypatch.setattr(budget, "_EVENT_SIZES", (0.3, 1.0))


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--accelerator", "tpu"], 2, "there is no accelerator 'tpu'"),
        (["--accelerator", "cuda"], 6, "finds no CUDA device"),
        (["--max-neurons", "0"], 2, "--max-neurons: is 0"),
        (["--max-synapses", "-3"], 2, "--max-synapses: is -3"),
        (["--max-sop-per-s", "nan"], 2, "--max-sop-per-s: is nan"),
        (["--max-energy", "-1"], 2, "--max-energy: is -1"),
        (["--max-energy", "1", "--energy-calibration", "solar"], 2, "there is no calibration 'solar'"),
        (["--weight-bits", "2"], 2, "2 bits are not within 3 to 8"),
        (["--lossy-link", "--weight-bits", "4"], 2, "--lossy-link: the chip has no leak of 2^-3"),
        (["--max-neurons", "20"], 2, "too small for any student: --max-neurons 20"),
        (["--max-sop-per-s", "1"], 2, "too small for any student: --max-sop-per-s 1 (it needs"),
        (["--max-energy", "1e-6"], 2, "too small for any student: --max-energy 1e-06"),
    ],
)
def test_orders_that_cannot_be_met(
    options: list[str],
    code: int,
    words: str,
    sound: np.ndarray,
    tiny: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    write_clips(tmp_path / "data" / "pump", sound[SHORT], CLIP_S)
    assert run(["train", "--machine", "pump", *tiny, *options]) == code
    assert words in capsys.readouterr().err.replace("\n", " ")
    assert not (tmp_path / "models" / "pump").exists()


def test_a_budget_is_kept_and_bits_travel_in_the_bundle(
    sound: np.ndarray, tiny: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clips(tmp_path / "data" / "pump", sound[SHORT], CLIP_S)
    options = ["--weight-bits", "4", "--max-neurons", "300", "--max-sop-per-s", "20000", "--json"]
    assert run(["train", "--machine", "pump", *tiny, *options]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["neurons"] <= 300
    assert result["metrics"]["activity"]["sop_per_s"] <= 20_000
    bundle = open_bundle(tmp_path / "models" / "pump")
    assert bundle.manifest.detectors["student"]["arch"] == "senna-4bit"
    assert b"-7 to +7" in bundle.read("arch.yaml")


@pytest.mark.parametrize(
    ("options", "leak"),
    [
        ([], 3),
        (["--weight-bits", "4"], 0),
        (["--max-sop-per-s", "20000"], 0),
        (["--max-sop-per-s", "20000", "--lossy-link"], 3),
    ],
)
def test_a_student_forgets_lost_events(
    options: list[str], leak: int, sound: np.ndarray, tiny: list[str], tmp_path: Path
) -> None:
    """Unless its chip cannot, or to keep a budget; on a lossy link in any case."""
    write_clips(tmp_path / "data" / "pump", sound[SHORT], CLIP_S)
    assert run(["train", "--machine", "pump", *tiny, *options]) == 0
    bundle = open_bundle(tmp_path / "models" / "pump")
    assert json.loads(bundle.read("calibration.json"))["encoder"]["leak"] == leak
