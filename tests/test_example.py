"""The bundle that ships with the program: whole, runnable by this version, and able to detect a fault."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from anomaly.audio.simulator import simulate
from anomaly.bundle import open_bundle
from anomaly.detect.model import check_model, load_model
from anomaly.detector_names import BUILT_IN_DETECTORS
from anomaly.workspace import EXAMPLE

MODELS = Path(__file__).resolve().parents[1] / "models"


def test_the_example_is_whole_and_runs() -> None:
    bundle = open_bundle(MODELS / EXAMPLE)
    check_model(bundle)
    assert sum(entry.size for entry in bundle.manifest.files.values()) < 3 * 2**19


def test_the_example_detects_a_fault() -> None:
    model = load_model(open_bundle(MODELS / EXAMPLE))
    normal = simulate("pump", seconds=10.0, seed=900).samples
    faulty = simulate("pump", seconds=10.0, seed=900, fault="cavitation", severity=0.5).samples
    for detector in BUILT_IN_DETECTORS:
        scores = [model.score_clip(np.asarray(sound), detector=detector) for sound in (normal, faulty)]
        assert scores[0] < 3.0 < 10.0 < scores[1]
