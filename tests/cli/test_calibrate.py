"""`anomaly calibrate`, `feedback` and `replay`: what a person says sticks, has a number, and can be undone."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from anomaly.audio.simulator import simulate
from anomaly.bundle.versions import version_of
from anomaly.cli import run
from anomaly.store.rows import ScoreRow, StateRow
from anomaly.store.store import DATABASE_NAME, Store

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="session")
def fault_recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty seconds of the trained pump, the last twelve with a fault."""
    sound = simulate(
        "pump", seconds=20, seed=301, fault="outer_race", severity=lambda t: np.where(t > 8, 1.0, 0.0)
    )
    path = tmp_path_factory.mktemp("sound") / "fault.wav"
    soundfile.write(path, sound.samples, sound.sample_rate_hz, subtype="FLOAT")
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pump_bundle: Path) -> Path:
    for name in ("ANOMALY_CONFIG", "ANOMALY_STATE", "ANOMALY_MODELS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANOMALY_MODELS", str(pump_bundle.parent))
    return tmp_path


def words(*line: str) -> list[str]:
    return [*line, "--machine", "pump"]


def said(capsys: Capture, *line: str) -> Any:
    capsys.readouterr()
    assert run([*line, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def alarms(capsys: Capture, recording: Path) -> int:
    """How many alarms begin when the monitor hears a recording."""
    capsys.readouterr()
    assert run(words("monitor", "--source", str(recording), "--no-realtime", "--jsonl")) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return sum(line.get("event") == "state.changed" and line["to"] == "ALARM" for line in lines)


def test_the_monitor_notes_what_scores(
    folder: Path, pump_bundle: Path, fault_recording: Path, capsys: Capture
) -> None:
    alarms(capsys, fault_recording)
    with Store.open(folder / "state" / DATABASE_NAME, create=False) as store:
        noted = store.time_series.states("pump", "model")
        assert [row.state for row in noted] == [f"student {version_of(pump_bundle)}"]
        assert noted[0].time_s == store.history.scores("pump")[0].time_s


def test_feedback_sticks_and_can_be_undone(folder: Path, fault_recording: Path, capsys: Capture) -> None:
    assert alarms(capsys, fault_recording) == 1
    (case,) = said(capsys, "cases", "list", "--machine", "pump")
    judged = said(capsys, "feedback", case["id"][:8], "--normal", "--by", "ann", "--note", "a test run")
    assert (judged["verdict"], judged["calibration"]) == ("normal", 1)
    assert judged["seconds"] == 20
    run(["cases", "close", case["id"]])
    assert alarms(capsys, fault_recording) == 0
    # Said again it changes nothing; a version is not made twice.
    shown = said(capsys, "cases", "show", case["id"])
    assert [e["detail"]["by"] for e in shown["events"] if e["event"] == "case.feedback"] == ["ann"]
    (version,) = said(capsys, *words("calibrate", "--list"))
    assert (version["number"], version["in_use"], version["by"]) == (1, True, "ann")
    assert "a test run" in version["reason"]
    # The bundle is as it was.
    assert run(["verify", "pump"]) == 0
    assert said(capsys, *words("calibrate", "--revert", "0"))[0]["in_use"] is False
    assert alarms(capsys, fault_recording) == 1


def test_a_fault_after_all_leaves_the_calibration(
    folder: Path, fault_recording: Path, capsys: Capture
) -> None:
    alarms(capsys, fault_recording)
    (case,) = said(capsys, "cases", "list")
    assert said(capsys, "feedback", case["id"], "--normal")["calibration"] == 1
    undone = said(capsys, "feedback", case["id"], "--fault")
    assert undone["calibration"] == 2
    assert undone["seconds"] == 20
    assert said(capsys, "feedback", case["id"], "--fault")["calibration"] is None


def test_feedback_takes_only_what_the_detector_in_question_scored(
    folder: Path, fault_recording: Path, capsys: Capture
) -> None:
    alarms(capsys, fault_recording)
    (case,) = said(capsys, "cases", "list")
    assert run(["feedback", case["id"], "--normal", "--detector", "teacher"]) == 4
    assert "was not scored by the model that is asked (teacher " in capsys.readouterr().err
    with Store.open(folder / "state" / DATABASE_NAME, create=False) as store:
        model = store.time_series.states("pump", "model")[0].state
        later = store.history.scores("pump")[15].time_s
        store.time_series.add_state(StateRow("pump", "model", later, "student 0123456789ab"))
    judged = said(capsys, "feedback", case["id"], "--normal")
    assert (judged["seconds"], judged["other_seconds"]) == (15, 5)
    found = said(capsys, *words("replay", "--since", "1h"))
    assert (found["model"], found["history_seconds"], found["other_seconds"]) == (model, 15, 5)


def test_new_normal_sound_is_added(
    folder: Path, pump_recordings: Path, fault_recording: Path, capsys: Capture
) -> None:
    normals = [str(path) for path in sorted((pump_recordings / "test").glob("normal_*"))]
    given = [option for path in normals for option in ("--from", path)]
    assert run(words("calibrate", *given)) == 4
    assert "24 s" in capsys.readouterr().err
    assert not (folder / "state").exists()
    made = said(capsys, *words("calibrate", *given, "--force"))
    assert (made["number"], made["sources"][0]["seconds"]) == (1, 24)
    # Once more, under another name, it is known; what else is given counts.
    shutil.copy(normals[0], folder / "copy.wav")
    assert run(words("calibrate", "--from", str(folder / "copy.wav"), "--force")) == 4
    assert "holds them already" in capsys.readouterr().err
    more = said(capsys, *words("calibrate", *given, "--from", str(fault_recording), "--force"))
    assert (more["sources"][1]["seconds"], more["held_seconds_left_out"]) == (20, 24)
    run(words("calibrate", "--revert", "1"))
    assert said(capsys, *words("calibrate", *given, "--force", "--replace"))["replaces"] is True
    assert [v["in_use"] for v in said(capsys, *words("calibrate", "--list"))] == [False, False, True]


def test_sound_that_is_not_normal_is_refused(folder: Path, fault_recording: Path, capsys: Capture) -> None:
    sounds = folder / "sounds"
    sounds.mkdir()
    samples, rate = soundfile.read(fault_recording, dtype="float32")
    for number in range(4):
        # Each begins a little later: a mere copy would count once.
        soundfile.write(sounds / f"{number}.wav", samples[100 * number :], rate, subtype="FLOAT")
    assert run(words("calibrate", "--from", str(sounds))) == 4
    told = capsys.readouterr().err
    assert "does not sound normal" in told
    assert "--force" in told


def remember(state: Path, seconds: int, score: float = 0.0, model: str = "") -> None:
    with Store.open(state / DATABASE_NAME) as store:
        begin = time.time() - seconds - 1
        if model:
            store.time_series.add_state(StateRow("pump", "model", begin, model))
        store.history.add_scores(
            ScoreRow("pump", begin + k, k, score + 0.01 * (k % 50), 0.5, "OK") for k in range(seconds)
        )


@pytest.mark.parametrize("model", ["", "teacher {}", "student 0123456789ab"])
def test_scores_of_another_model_are_left_out(
    folder: Path, pump_bundle: Path, capsys: Capture, model: str
) -> None:
    remember(folder / "state", 300, model=model.format(version_of(pump_bundle)))
    assert run(words("calibrate", "--since", "1h", "--force")) == 4
    told = capsys.readouterr().err
    assert "300 s left out: another bundle or detector" in told
    assert "--from" in told


def test_what_the_monitor_has_heard(folder: Path, pump_bundle: Path, capsys: Capture) -> None:
    remember(folder / "state", 300, model=f"student {version_of(pump_bundle)}")
    made = said(capsys, *words("calibrate", "--since", "1h", "--note", "after the overhaul"))
    assert (made["reason"], made["sources"][0]["kind"]) == ("after the overhaul", "since")
    assert made["sources"][0]["seconds"] == pytest.approx(300, abs=1)
    # The same seconds again are no new evidence, not even by force.
    assert run(words("calibrate", "--since", "30s", "--force")) == 4
    told = capsys.readouterr().err
    assert "no second of new sound" in told
    assert "holds them already" in told
    assert len(said(capsys, *words("calibrate", "--list"))) == 1
    assert run(words("calibrate", "--since", "30s", "--replace")) == 4
    assert "60 s" in capsys.readouterr().err


def test_alarms_that_nobody_has_judged_stand_in_the_way(
    folder: Path, fault_recording: Path, capsys: Capture
) -> None:
    alarms(capsys, fault_recording)
    assert run(words("calibrate", "--since", "1h")) == 4
    assert "nobody has judged" in capsys.readouterr().err


def test_replay_tries_a_budget_before_it_is_switched(
    folder: Path, fault_recording: Path, capsys: Capture
) -> None:
    alarms(capsys, fault_recording)
    (case,) = said(capsys, "cases", "list")
    found = said(capsys, *words("replay", "--since", "1h"))
    assert found["history_seconds"] == 20
    # The first seconds of a recording are all the history there is before its case.
    assert [one["case"] for one in found["cases"]] == [case["id"]]
    assert run(words("replay", "--false-alarms-per-day", "0.01")) == 0
    assert "pump (student " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        (["calibrate"], 2, "one of --from"),
        (["calibrate", "--list", "--revert", "1"], 2, "one of --from"),
        (["calibrate", "--revert", "7"], 2, "no calibration 7"),
        (["calibrate", "--since", "soon"], 2, "span of time"),
        (["calibrate", "--since", "1h"], 3, "anomaly.sqlite"),
        (["calibrate", "--from", "nowhere.wav"], 4, "nowhere.wav"),
        (["calibrate", "--list", "--detector", "ear"], 2, "no detector"),
        (["calibrate", "--list", "--models", "nowhere"], 3, "nowhere"),
        (["replay", "--since", "soon"], 2, "span of time"),
        (["replay", "--since", "1h"], 3, "anomaly.sqlite"),
        (["replay", "--false-alarms-per-day", "0"], 2, "cannot be kept"),
        (["replay", "--bundle", "x", "--calibration", "1"], 2, "not both"),
    ],
)
def test_a_mistake_is_told_with_its_place(
    folder: Path, capsys: Capture, line: list[str], code: int, told: str
) -> None:
    assert run(words(*line)) == code
    shown = capsys.readouterr().err
    assert told in shown
    assert "Traceback" not in shown
    assert not (folder / "state").exists()


def test_mistakes_about_cases(folder: Path, capsys: Capture) -> None:
    assert run(["feedback", "abc", "--normal"]) == 3
    assert run(["feedback", "abc"]) == 2
    assert run(["feedback", "abc", "--normal", "--fault"]) == 2
    remember(folder / "state", 10)
    assert run(["feedback", "abc", "--normal"]) == 2
    assert "no case" in capsys.readouterr().err
    assert run(words("replay", "--calibration", "3")) == 2
    assert "no calibration 3" in capsys.readouterr().err
    assert run(words("replay", "--bundle", "other")) == 3


def test_a_machine_with_a_bundle_of_another_name(
    folder: Path, pump_bundle: Path, fault_recording: Path, capsys: Capture
) -> None:
    (folder / "site.yaml").write_text(
        f"machines:\n  east: {{source: {fault_recording}, model: {pump_bundle.name}, alarm: {{on_delay_s: 60}}}}\n"
    )
    assert run(["monitor", "--no-realtime", "--jsonl"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    # Twelve seconds of a fault are no alarm where a minute of it is asked for, neither live nor in a replay.
    assert {line["machine"] for line in lines} == {"east"}
    assert not any(line.get("to") == "ALARM" for line in lines)
    assert said(capsys, "replay", "--since", "1h")["summary"]["appear"] == 0
    (folder / "site.yaml").write_text(
        f"machines:\n  east: {{source: {fault_recording}, model: {pump_bundle.name}}}\n"
    )
    assert said(capsys, "replay", "--since", "1h")["summary"]["appear"] == 1
    assert said(capsys, "calibrate", "--list") == []
    version = version_of(pump_bundle)
    for name in (version, version[:5], pump_bundle.name, str(pump_bundle)):
        assert said(capsys, "replay", "--bundle", name)["machine"] == "east"
    assert run(["replay", "--bundle", "zz"]) == 3
    assert "there is no bundle" in capsys.readouterr().err
