"""A folder with the names of a DCASE Task 2 machine is judged by the challenge's rules."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from anomaly.bundle import open_bundle
from anomaly.detector_names import BUILT_IN_DETECTORS
from anomaly.evaluate.metrics.dcase_challenge import edition, official_figures, write_official
from anomaly.evaluate.reporting.results import as_json, table
from anomaly.evaluate.run import Evaluation, evaluate


def renamed(recordings: Path, folder: Path, *, hide: bool) -> Path:
    """The simulated pump as a machine of DCASE 2022 or later; with its labels hidden as in an evaluation set."""
    for number, path in enumerate(sorted((recordings / "test").iterdir())):
        label = "anomaly" if path.name.startswith("anomaly") else "normal"
        domain = ("source", "target")[number % 2]
        name = f"section_00_{number:04}" if hide else f"section_00_{domain}_test_{label}_{number:04}_spd_1"
        (folder / "test").mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / "test" / f"{name}{path.suffix}")
    for number, path in enumerate(sorted((recordings / "test").glob("normal_*"))[:3]):
        (folder / "train").mkdir(exist_ok=True)
        shutil.copy(path, folder / "train" / f"section_00_source_train_normal_{number:04}_spd_1{path.suffix}")
    return folder


@pytest.fixture(scope="module")
def challenge(
    pump_bundle: Path, pump_recordings: Path, tmp_path_factory: pytest.TempPathFactory
) -> Evaluation:
    folder = renamed(pump_recordings, tmp_path_factory.mktemp("dcase") / "pump", hide=False)
    return evaluate(open_bundle(pump_bundle), folder)


def test_figures_of_the_challenge(challenge: Evaluation) -> None:
    assert edition(challenge) == "2022 and later"
    found = official_figures(challenge, "student")
    assert found is not None
    assert [section.section for section in found.sections] == ["00"]
    assert as_json(challenge)["detectors"]["student"]["official"] == found.as_json()
    lines = {line[0]: line[1:] for line in table(challenge)}
    assert lines["official score, DCASE 2022 and later"][0] == f"{found.score:.3f}"


def test_files_of_the_challenge(challenge: Evaluation, tmp_path: Path) -> None:
    written = write_official(tmp_path, challenge)
    names = ["anomaly_score_pump_section_00_test.csv", "decision_result_pump_section_00_test.csv"]
    assert sorted(str(path.relative_to(tmp_path)) for path in written) == [
        f"official/{detector}/{name}" for detector in BUILT_IN_DETECTORS for name in names
    ]
    rows = dict(
        line.split(",") for line in (tmp_path / "official/student" / names[0]).read_text().splitlines()
    )
    assert {name: float(score) for name, score in rows.items()} == {
        clip.path.name: score
        for clip, score in zip(challenge.clips, challenge.outcomes["student"].scores, strict=True)
    }
    decisions = (tmp_path / "official/student" / names[1]).read_text().splitlines()
    assert {line.split(",")[1] for line in decisions} <= {"0", "1"}


def test_hidden_labels_are_scored_but_not_measured(
    pump_bundle: Path, pump_recordings: Path, tmp_path: Path
) -> None:
    folder = renamed(pump_recordings, tmp_path / "pump", hide=True)
    hidden = evaluate(open_bundle(pump_bundle), folder)
    tests = sorted(path.name for path in (folder / "test").iterdir())
    assert [file.path.name for file in hidden.unlabelled["student"]] == tests
    assert official_figures(hidden, "student") is None
    written = write_official(tmp_path / "report", hidden)
    scores = next(path for path in written if path.name.startswith("anomaly_score"))
    # Normals that were set aside from training belong to no challenge's test.
    assert [line.split(",")[0] for line in scores.read_text().splitlines()] == tests


def test_other_folders_are_no_challenge(evaluation: Evaluation, tmp_path: Path) -> None:
    assert edition(evaluation) is None
    assert official_figures(evaluation, "student") is None
    assert write_official(tmp_path, evaluation) == []
