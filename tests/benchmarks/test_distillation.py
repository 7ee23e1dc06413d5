"""The distillation benchmark runs part by part, caches its results, and reports its documented figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import distillation
from anomaly.student.distillation.plan import DistilPlan
from anomaly.teacher.fit import TeacherPlan
from anomaly.training.profiles import TrainingProfile
from lib.distillation import students, training_run
from support.quick_training import FEW_SYNAPSES


@pytest.fixture
def short_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the profile by the shortest possible training of a student with few synapses."""
    plan = DistilPlan(windows=8, steps=2, batch=4, validation_windows=4)
    shortest = TrainingProfile(teacher=TeacherPlan(epochs=0), closed_form=FEW_SYNAPSES, distil=plan)
    monkeypatch.setattr(training_run, "profile_named", lambda name: shortest)
    monkeypatch.setattr(training_run, "product_code", lambda rooms: "the product as it is")
    monkeypatch.setattr(students, "CHIPS", 2)
    few = {name: students.LADDER[name] for name in ("d", "i")}
    monkeypatch.setattr(students, "LADDER", few)


def run_benchmark(words: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert distillation.main([*words, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.slow
@pytest.mark.usefixtures("short_training")
def test_results_of_parts_are_cached_and_combined(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, picture = tmp_path / "cache", tmp_path / "curve.png"
    common = ["--recordings", str(recordings), "--cache", str(cache), "--no-baseline", "--seeds", "1"]
    common += ["--sets", "slider-fault"]
    alone = run_benchmark([*common, "--parts", "sets"], capsys)
    row = alone["sets"]["slider-fault"]["0"]
    assert set(row) == {"teacher", "student", "closed_form"}
    for name in ("neurons", "synapses", "sop_per_s", "teacher_macs_per_s", "train_seconds", "macs_per_sop"):
        assert alone[name] > 0
    assert alone["student_less_closed_form"]["auc_ci"][0] <= alone["student_less_closed_form"]["auc"]
    assert alone["routed"] == 1
    run_benchmark([*common, "--parts", "robust,curve,wires"], capsys)
    # Missing figures are measured again.
    (cached,) = cache.glob("*_curve_*.facts")
    figures = cached.read_bytes()
    cached.unlink()
    run_benchmark([*common, "--parts", "curve"], capsys)
    assert cached.read_bytes() == figures
    # Everything is cached from here on, so nothing is trained.
    monkeypatch.setattr(training_run, "build_artifacts", None)
    monkeypatch.setattr(training_run, "fit_wire_aware_closed_form", None)
    words = ["--parts", "sets,robust,curve,wires", "--picture", str(picture)]
    everything = run_benchmark([*common, *words], capsys)
    assert everything["sets"] == alone["sets"]
    assert everything["mismatch_chips"] == 2
    assert {"mismatch_auc_loss", "lost_events_auc_loss", "leak_auc_loss"} <= set(everything)
    assert {"without_leak_lost_events_auc_loss", "without_leak_leak_auc_loss"} <= set(everything)
    assert everything["without_leak_less_student"]["by_set"].keys() == {"slider-fault"}
    assert everything["without_leak_sop_per_s"] < 0.8 * everything["start_sop_per_s"]
    wires = everything["wirelength_aware_vs_blind"]
    assert {"activity_wirelength", "min_channel_width", "auc", "auc_ci"} <= set(wires)
    assert [point["plan"] for point in everything["curve"]] == ["d", "i"]
    assert everything["curve"][0]["sop_per_s"] < everything["curve"][1]["sop_per_s"]
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--parts", "sets,pigs"], "no part pigs"),
        (["--parts", ","], "at least one"),
        (["--seeds", "0"], "at least one"),
        (["--sets", "moon"], "invalid choice"),
        (["--profile", "slow"], "invalid choice"),
        (["--picture", "/no/such/folder/a.png"], "a folder that is there"),
        (["--picture", "a.png", "--parts", "sets"], "needs the part curve"),
    ],
)
def test_wrong_arguments_are_reported(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        distillation.main(words)
    assert message in capsys.readouterr().err


def test_a_peer_that_cannot_be_measured_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(quick: bool) -> dict[str, Any]:
        raise RuntimeError("snntorch ended with exit code 1")

    monkeypatch.setattr(distillation.training_speed, "measure", fail)
    assert distillation.main(["--parts", "peers", "--cache", str(tmp_path)]) != 0
    shown = capsys.readouterr().err
    assert "snntorch ended with exit code 1" in shown
    assert "leave peers out" in shown


def test_without_recordings_only_simulated_sets_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--recordings", str(tmp_path / "none"), "--cache", str(tmp_path), "--sets", "rig"]
    assert distillation.main([*words, "--parts", "wires"]) == 4
    shown = capsys.readouterr().err
    assert "simulated sets only" in shown
    assert "rig needs real recordings" in shown
