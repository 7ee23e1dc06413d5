"""An imported teacher keeps its front end, and is refused where it does not match the machine's sound."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from anomaly.audio.simulator import simulate
from anomaly.bundle import open_bundle, write_bundle
from anomaly.bundle.manifest import ManifestDraft
from anomaly.bundle.parts import CALIBRATION, TEACHER
from anomaly.errors import ModelError, UsageError
from anomaly.features.front_end import FrontEnd
from anomaly.training import TrainingRequest, TrainingResult, train
from anomaly.training.imported_teacher import missing_calibration_notice, read_imported_teacher


@pytest.fixture
def normalising(trained: TrainingResult, tmp_path: Path) -> Path:
    """The teacher of a bundle like the trained one, but for levels that are normalised and other resets."""
    manifest = trained.bundle.manifest
    known = {name: getattr(manifest, name) for name in ManifestDraft.model_fields}
    draft = ManifestDraft(**{**known, "front_end": FrontEnd(reset_s=5, level_normalise=True).to_dict()})
    files = {name: trained.bundle.read(name) for name in manifest.files}
    return write_bundle(tmp_path / "normalising", draft, files).path / TEACHER


@pytest.mark.parametrize("requested", [None, True])
def test_the_front_end_is_that_of_the_bundle(requested: bool | None, normalising: Path) -> None:
    read = read_imported_teacher(normalising, requested)
    assert read.front_end == FrontEnd(reset_s=5, level_normalise=True)
    assert read.calibration is not None


def test_other_levels_are_refused(normalising: Path, trained: TrainingResult) -> None:
    with pytest.raises(UsageError, match=r"--no-level-normalise: .* trained with level normalisation"):
        read_imported_teacher(normalising, False)
    with pytest.raises(UsageError, match=r"--level-normalise: .* trained without level normalisation"):
        read_imported_teacher(trained.bundle.path / TEACHER, True)


def test_a_teacher_outside_a_bundle_has_the_requested_front_end_and_no_calibration(
    trained: TrainingResult, tmp_path: Path
) -> None:
    alone = tmp_path / TEACHER
    shutil.copy(trained.bundle.path / TEACHER, alone)
    assert [
        read_imported_teacher(alone, requested).front_end.level_normalise for requested in (None, True)
    ] == [
        False,
        True,
    ]
    assert read_imported_teacher(alone, None).calibration is None
    assert f"{alone}: no {CALIBRATION} lies beside it" in str(missing_calibration_notice(alone))
    assert missing_calibration_notice(trained.bundle.path / TEACHER) is None
    assert missing_calibration_notice(tmp_path / "nowhere.onnx") is None


def test_a_damaged_bundle_is_refused(normalising: Path) -> None:
    normalising.with_name("network.bit").write_bytes(b"")
    with pytest.raises(ModelError, match="is cut short"):
        read_imported_teacher(normalising, None)


def test_the_teacher_of_another_machine_is_refused(trained: TrainingResult, tmp_path: Path) -> None:
    data = tmp_path / "fan"
    data.mkdir()
    for number in range(4):
        sound = simulate("fan", seconds=10, seed=number)
        soundfile.write(data / f"normal_{number}.wav", sound.samples, sound.sample_rate_hz, subtype="FLOAT")
    request = TrainingRequest("fan", data, tmp_path / "models", profile="small")
    with pytest.raises(ModelError, match="--teacher: the teacher does not know this machine: ") as caught:
        train(replace(request, teacher=trained.bundle.path / TEACHER))
    assert "the teacher of this machine" in str(caught.value.hint)
    alone = tmp_path / "alone.onnx"
    alone.write_bytes((trained.bundle.path / TEACHER).read_bytes())
    with pytest.raises(ModelError, match=r"predicts held-out normal sound \d\.\d\d nats a band worse"):
        train(replace(request, teacher=alone))
    assert not request.models.joinpath("fan").exists()
    assert open_bundle(trained.bundle.path)
