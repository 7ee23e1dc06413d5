from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from anomaly.bundle import open_bundle
from anomaly.errors import InputError
from anomaly.evaluate.metrics.detection_metrics import auc
from anomaly.evaluate.run import Evaluation, evaluate


def test_every_clip_is_scored_by_both(evaluation: Evaluation) -> None:
    assert list(evaluation.outcomes) == ["student", "teacher"]
    assert len(evaluation.clips) == 8
    for outcome in evaluation.outcomes.values():
        assert [file.path for file in outcome.scored] == [clip.path for clip in evaluation.clips]
        assert len(outcome.verdicts) == 8
        detection = outcome.detection
        assert (detection.normals, detection.anomalies) == (4, 4)
        assert detection.auc == auc(evaluation.labels, outcome.scores)
        assert detection.auc > 0.9
        assert set(detection.faults) == {"cavitation", "outer_race"}
        assert outcome.false_alarms is not None
        assert outcome.false_alarms.seconds == 24
        counts = outcome.confusion
        assert counts.true_alarms + counts.missed == counts.false_alarms + counts.true_silence == 4
    assert evaluation.notes == ()


def test_equal_input_equal_figures(evaluation: Evaluation, pump_bundle: Path, pump_recordings: Path) -> None:
    again = evaluate(open_bundle(pump_bundle), pump_recordings)
    for name, outcome in evaluation.outcomes.items():
        assert np.array_equal(again.outcomes[name].scores, outcome.scores)
        assert again.outcomes[name].detection == outcome.detection


def test_normal_sound_alone_has_false_alarms_but_no_auc(normals_only: Evaluation) -> None:
    for outcome in normals_only.outcomes.values():
        detection = outcome.detection
        assert (detection.auc, detection.pauc, detection.ci) == (None, None, None)
        assert "no anomalies" in str(detection.reason)
        assert outcome.false_alarms is not None
        assert outcome.false_alarms.rate.hours == pytest.approx(24 / 3600)
    assert normals_only.notes == ()


def test_progress_is_reported(pump_bundle: Path, pump_recordings: Path) -> None:
    reported: list[tuple[str, float]] = []
    evaluate(
        open_bundle(pump_bundle),
        pump_recordings,
        report=lambda stage, share: reported.append((stage, share)),
        stage="s",
    )
    assert [stage for stage, _ in reported] == ["s"] * 8
    assert reported[-1][1] == 1.0


def test_bad_files_are_left_out_and_named(pump_bundle: Path, pump_recordings: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pump"
    shutil.copytree(pump_recordings, folder)
    (folder / "test" / "anomaly_leak_1.wav").write_text("text")
    soundfile.write(folder / "test" / "normal_silent.wav", np.zeros(32_000), 16_000)
    found = evaluate(open_bundle(pump_bundle), folder)
    assert len(found.clips) == 8
    assert [file.path.name for file in found.left_out] == ["anomaly_leak_1.wav", "normal_silent.wav"]
    assert found.notes == ("2 test files could not be scored, and were left out",)
    assert "leak" not in found.outcomes["student"].detection.faults


def test_a_truncated_file_is_scored_and_named(
    pump_bundle: Path, pump_recordings: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(pump_recordings, tmp_path / "pump")
    cut = sorted((folder / "test").iterdir())[0]
    cut.write_bytes(cut.read_bytes()[:-50_000])
    found = evaluate(open_bundle(pump_bundle), folder)
    assert len(found.clips) == 8
    (note,) = found.notes
    assert note.startswith(f"used in part: {cut}: is cut short")
    with pytest.raises(InputError, match="is cut short"):
        evaluate(open_bundle(pump_bundle), folder, strict=True)


def test_strict_stops_at_the_first_bad_file(pump_bundle: Path, pump_recordings: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(pump_recordings, tmp_path / "pump")
    bad = sorted((folder / "test").iterdir())[0]
    bad.write_text("no sound")
    with pytest.raises(InputError, match="is not a recording that can be read") as caught:
        evaluate(open_bundle(pump_bundle), folder, strict=True)
    assert caught.value.where == str(bad)


def test_nothing_to_score(pump_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "normal_1.wav").write_text("text")
    with pytest.raises(InputError, match="no clip of the test part can be scored") as caught:
        evaluate(open_bundle(pump_bundle), tmp_path)
    assert "is not a recording" in str(caught.value.hint)


def test_a_single_recording_cannot_be_split(pump_bundle: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "normal.wav", np.zeros(32_000), 16_000)
    with pytest.raises(InputError, match="nothing to test with"):
        evaluate(open_bundle(pump_bundle), tmp_path)


def test_what_was_trained_on_is_no_test(pump_bundle: Path) -> None:
    found = evaluate(open_bundle(pump_bundle), pump_bundle.parent.with_name("data"))
    assert found.data.held_out_by_us
    assert "was set aside" in found.notes[0]
    assert "trained on all of them" in found.notes[1]
