"""One evaluation of the simulated pump, made once, for all tests that look at its figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from anomaly.bundle import open_bundle
from anomaly.evaluate.run import Evaluation, evaluate


@pytest.fixture(scope="session")
def evaluation(pump_bundle: Path, pump_recordings: Path) -> Evaluation:
    return evaluate(open_bundle(pump_bundle), pump_recordings)


@pytest.fixture(scope="session")
def normals_only(
    pump_bundle: Path, pump_recordings: Path, tmp_path_factory: pytest.TempPathFactory
) -> Evaluation:
    folder = tmp_path_factory.mktemp("normals") / "pump"
    (folder / "test").mkdir(parents=True)
    for path in pump_recordings.rglob("normal_*"):
        (folder / "test" / path.name).symlink_to(path)
    return evaluate(open_bundle(pump_bundle), folder)
