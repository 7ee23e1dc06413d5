"""`anomaly calibrate`, `feedback` and `replay`: each change of the calibration has a number and can be undone."""

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


def for_pump(*line: str) -> list[str]:
    return [*line, "--machine", "pump"]


def json_of(capsys: Capture, *line: str) -> Any:
    capsys.readouterr()
    assert run([*line, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def alarms(capsys: Capture, recording: Path) -> int:
    """Return the number of alarms that begin when the monitor scores a recording."""
    capsys.readouterr()
    assert run(for_pump("monitor", "--source", str(recording), "--no-realtime", "--jsonl")) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return sum(line.get("event") == "state.changed" and line["to"] == "ALARM" for line in lines)


def test_the_monitor_stores_the_model_beside_the_scores(
    folder: Path, pump_bundle: Path, fault_recording: Path, capsys: Capture
) -> None:
    alarms(capsys, fault_recording)
    with Store.open(folder / "state" / DATABASE_NAME, create=False) as store:
        noted = store.time_series.states("pump", "model")
        assert [row.state for row in noted] == [f"student {version_of(pump_bundle)}"]
        assert noted[0].time_s == store.history.scores("pump")[0].time_s


def test_feedback_lasts_and_can_be_undone(folder: Path, fault_recording: Path, capsys: Capture) -> None:
    assert alarms(capsys, fault_recording) == 1
    (case,) = json_of(capsys, "cases", "list", "--machine", "pump")
    result = json_of(capsys, "feedback", case["id"][:8], "--normal", "--by", "ann", "--note", "a test run")
    assert (result["verdict"], result["calibration"]) == ("normal", 1)
    assert result["seconds"] == 20
    assert alarms(capsys, fault_recording) == 0
    shown = json_of(capsys, "cases", "show", case["id"])
    assert [e["detail"]["by"] for e in shown["events"] if e["event"] == "case.feedback"] == ["ann"]
    assert (result["closed"], shown["state"]) == (True, "closed")
    (version,) = json_of(capsys, *for_pump("calibrate", "--list"))
    assert (version["number"], version["in_use"], version["by"]) == (1, True, "ann")
    assert "a test run" in version["reason"]
    # The bundle is as it was.
    assert run(["verify", "pump"]) == 0
    assert json_of(capsys, *for_pump("calibrate", "--revert", "0"))[0]["in_use"] is False
    assert alarms(capsys, fault_recording) == 1


def test_feedback_of_a_fault_removes_the_case_from_the_calibration(
    folder: Path, fault_recording: Path, capsys: Capture
) -> None:
    alarms(capsys, fault_recording)
    (case,) = json_of(capsys, "cases", "list")
    assert json_of(capsys, "feedback", case["id"], "--normal")["calibration"] == 1
    undone = json_of(capsys, "feedback", case["id"], "--fault")
    assert undone["calibration"] == 2
    assert undone["seconds"] == 20
    assert json_of(capsys, "feedback", case["id"], "--fault")["calibration"] is None


def test_repeated_feedback_names_the_sound_that_the_calibration_holds(
    folder: Path, fault_recording: Path, capsys: Capture
) -> None:
    alarms(capsys, fault_recording)
    (case,) = json_of(capsys, "cases", "list")
    for _ in range(2):
        assert run(["feedback", case["id"], "--normal"]) == 0
        assert "holds 20 s of it as normal sound" in capsys.readouterr().out


def test_the_next_commands_are_about_the_same_detector_and_folder(
    folder: Path, pump_recordings: Path, capsys: Capture
) -> None:
    normal = str(next((pump_recordings / "test").glob("normal_*")))
    line = for_pump("calibrate", "--from", normal, "--detector", "teacher", "--state", "elsewhere", "--force")
    assert run(line) == 0
    steps = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  anomaly ")]
    assert len(steps) == 2
    assert all(" --state elsewhere --detector teacher  " in step for step in steps)


def test_feedback_takes_only_seconds_that_the_detector_scored(
    folder: Path, fault_recording: Path, capsys: Capture
) -> None:
    alarms(capsys, fault_recording)
    (case,) = json_of(capsys, "cases", "list")
    assert run(["feedback", case["id"], "--normal", "--detector", "teacher"]) == 0
    shown = capsys.readouterr().out
    assert "is recorded as normal; the calibration stays as it is" in shown
    assert "was scored by another model than teacher " in shown
    assert "anomaly calibrate --machine pump --from RECORDING" in shown
    with Store.open(folder / "state" / DATABASE_NAME, create=False) as store:
        model = store.time_series.states("pump", "model")[0].state
        later = store.history.scores("pump")[15].time_s
        store.time_series.add_state(StateRow("pump", "model", later, "student 0123456789ab"))
    result = json_of(capsys, "feedback", case["id"], "--normal")
    assert (result["seconds"], result["other_seconds"]) == (15, 5)
    found = json_of(capsys, *for_pump("replay", "--since", "1h"))
    assert (found["model"], found["history_seconds"], found["other_seconds"]) == (model, 15, 5)


def test_feedback_on_a_case_whose_scores_are_gone_learns_from_its_clip(
    folder: Path, fault_recording: Path, capsys: Capture
) -> None:
    assert alarms(capsys, fault_recording) == 1
    (case,) = json_of(capsys, "cases", "list")
    with Store.open(folder / "state" / DATABASE_NAME, create=False) as store:
        with store.database.transaction() as connection:
            connection.execute("DELETE FROM scores")
        (clip,) = store.clips.select(case_id=case["id"])
    result = json_of(capsys, "feedback", case["id"], "--normal")
    assert (result["calibration"], result["closed"], result["learned_from"]) == (1, True, "clip")
    assert result["seconds"] == round(clip.seconds)
    assert alarms(capsys, fault_recording) == 0


def test_feedback_on_a_case_of_another_detector_scores_its_clip_anew(
    folder: Path, fault_recording: Path, capsys: Capture
) -> None:
    (folder / "site.yaml").write_text(
        f"clips: {{content: full}}\nmachines:\n  pump: {{source: {fault_recording}, model: pump}}\n"
    )
    assert run(["monitor", "--config", "site.yaml", "--no-realtime", "--jsonl"]) == 0
    (case,) = json_of(capsys, "cases", "list")
    result = json_of(capsys, "feedback", case["id"], "--normal", "--detector", "teacher")
    assert (result["calibration"], result["learned_from"]) == (1, "clip")
    assert result["seconds"] > 10


def test_new_normal_sound_is_added(
    folder: Path, pump_recordings: Path, fault_recording: Path, capsys: Capture
) -> None:
    normals = [str(path) for path in sorted((pump_recordings / "test").glob("normal_*"))]
    options = [option for path in normals for option in ("--from", path)]
    assert run(for_pump("calibrate", *options)) == 4
    assert "24 s" in capsys.readouterr().err
    assert not (folder / "state").exists()
    made = json_of(capsys, *for_pump("calibrate", *options, "--force"))
    assert (made["number"], made["sources"][0]["seconds"]) == (1, 24)
    # The same sound under another name is known; the fault recording is new.
    shutil.copy(normals[0], folder / "copy.wav")
    assert run(for_pump("calibrate", "--from", str(folder / "copy.wav"), "--force")) == 4
    assert "holds them already" in capsys.readouterr().err
    more = json_of(capsys, *for_pump("calibrate", *options, "--from", str(fault_recording), "--force"))
    assert (more["sources"][1]["seconds"], more["held_seconds_left_out"]) == (20, 24)
    run(for_pump("calibrate", "--revert", "1"))
    assert json_of(capsys, *for_pump("calibrate", *options, "--force", "--replace"))["replaces"] is True
    assert [v["in_use"] for v in json_of(capsys, *for_pump("calibrate", "--list"))] == [False, False, True]


def test_sound_that_is_not_normal_is_refused(folder: Path, fault_recording: Path, capsys: Capture) -> None:
    sounds = folder / "sounds"
    sounds.mkdir()
    samples, rate = soundfile.read(fault_recording, dtype="float32")
    for number in range(4):
        # Each begins a little later: a mere copy would count once.
        soundfile.write(sounds / f"{number}.wav", samples[100 * number :], rate, subtype="FLOAT")
    assert run(for_pump("calibrate", "--from", str(sounds))) == 4
    error = capsys.readouterr().err
    assert "does not sound normal" in error
    assert "--force" in error


def store_scores(state: Path, seconds: int, score: float = 0.0, model: str = "", ago_s: float = 1.0) -> None:
    with Store.open(state / DATABASE_NAME) as store:
        begin = time.time() - seconds - ago_s
        if model:
            store.time_series.add_state(StateRow("pump", "model", begin, model))
        store.history.add_scores(
            ScoreRow("pump", begin + k, k, score + 0.01 * (k % 50), 0.5, "OK") for k in range(seconds)
        )


@pytest.mark.parametrize("model", ["", "teacher {}", "student 0123456789ab"])
def test_scores_of_another_model_are_left_out(
    folder: Path, pump_bundle: Path, capsys: Capture, model: str
) -> None:
    store_scores(folder / "state", 300, model=model.format(version_of(pump_bundle)))
    assert run(for_pump("calibrate", "--since", "1h", "--force")) == 4
    error = capsys.readouterr().err
    assert "5 min left out: another bundle or detector" in error
    assert "--from" in error


def test_sound_that_the_monitor_scored_is_added(folder: Path, pump_bundle: Path, capsys: Capture) -> None:
    store_scores(folder / "state", 300, model=f"student {version_of(pump_bundle)}")
    made = json_of(capsys, *for_pump("calibrate", "--since", "1h", "--note", "after the overhaul"))
    assert (made["reason"], made["sources"][0]["kind"]) == ("after the overhaul", "since")
    assert made["sources"][0]["seconds"] == pytest.approx(300, abs=1)
    # The same seconds again are no new evidence, not even by force.
    assert run(for_pump("calibrate", "--since", "30s", "--force")) == 4
    error = capsys.readouterr().err
    assert "no second of new sound" in error
    assert "holds them already" in error
    assert len(json_of(capsys, *for_pump("calibrate", "--list"))) == 1
    assert run(for_pump("calibrate", "--since", "30s", "--replace")) == 4
    assert "60 s" in capsys.readouterr().err


def test_alarms_without_feedback_refuse_the_calibration(
    folder: Path, fault_recording: Path, capsys: Capture
) -> None:
    alarms(capsys, fault_recording)
    assert run(for_pump("calibrate", "--since", "1h")) == 4
    assert "1 alarm without feedback" in capsys.readouterr().err


def test_replay_tries_another_budget(folder: Path, fault_recording: Path, capsys: Capture) -> None:
    alarms(capsys, fault_recording)
    (case,) = json_of(capsys, "cases", "list")
    found = json_of(capsys, *for_pump("replay", "--since", "1h"))
    assert found["history_seconds"] == 20
    # The first seconds of a recording are all the history there is before its case.
    assert [one["case"] for one in found["cases"]] == [case["id"]]
    assert run(for_pump("replay", "--false-alarms-per-day", "0.01")) == 0
    assert "1 case: 1 would " in capsys.readouterr().out


def test_replay_after_feedback_judges_stored_scores_by_the_calibration_in_use(
    folder: Path, pump_bundle: Path, fault_recording: Path, capsys: Capture
) -> None:
    # Quiet sound before the recording, so that the stored scores cover the case from before its begin.
    store_scores(folder / "state", 60, model=f"student {version_of(pump_bundle)}", ago_s=120)
    alarms(capsys, fault_recording)
    (case,) = json_of(capsys, "cases", "list")

    def replayed(*option: str) -> list[str]:
        found = json_of(capsys, *for_pump("replay", "--since", "1h", *option))
        assert found["appear"] == []
        assert [one["by"] for one in found["cases"]] == ["history"]
        return [one["outcome"] for one in found["cases"]]

    assert replayed() == ["stays"]
    json_of(capsys, "feedback", case["id"], "--normal")
    assert replayed() == ["vanishes"]
    assert replayed("--calibration", "1") == ["vanishes"]
    assert replayed("--calibration", "0") == ["stays"]


@pytest.mark.parametrize(
    ("line", "code", "message"),
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
def test_a_mistake_is_reported_with_its_place(
    folder: Path, capsys: Capture, line: list[str], code: int, message: str
) -> None:
    assert run(for_pump(*line)) == code
    shown = capsys.readouterr().err
    assert message in shown
    assert "Traceback" not in shown
    assert not (folder / "state").exists()


def test_mistakes_about_cases(folder: Path, capsys: Capture) -> None:
    assert run(["feedback", "abc", "--normal"]) == 3
    assert run(["feedback", "abc"]) == 2
    assert run(["feedback", "abc", "--normal", "--fault"]) == 2
    store_scores(folder / "state", 10)
    assert run(["feedback", "abc", "--normal"]) == 2
    assert "no case" in capsys.readouterr().err
    assert run(for_pump("replay", "--calibration", "3")) == 2
    assert "no calibration 3" in capsys.readouterr().err
    assert run(for_pump("replay", "--bundle", "other")) == 3


def test_a_machine_with_a_bundle_of_another_name(
    folder: Path, pump_bundle: Path, fault_recording: Path, capsys: Capture
) -> None:
    (folder / "site.yaml").write_text(
        f"machines:\n  east: {{source: {fault_recording}, model: {pump_bundle.name}, alarm: {{on_delay_s: 60}}}}\n"
    )
    assert run(["monitor", "--no-realtime", "--jsonl"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    # Twelve seconds of a fault are no alarm with an on-delay of a minute, neither live nor in a replay.
    assert {line["machine"] for line in lines} == {"east"}
    assert not any(line.get("to") == "ALARM" for line in lines)
    assert json_of(capsys, "replay", "--since", "1h")["summary"]["appear"] == 0
    (folder / "site.yaml").write_text(
        f"machines:\n  east: {{source: {fault_recording}, model: {pump_bundle.name}}}\n"
    )
    assert json_of(capsys, "replay", "--since", "1h")["summary"]["appear"] == 1
    assert json_of(capsys, "calibrate", "--list") == []
    version = version_of(pump_bundle)
    for name in (version, version[:5], pump_bundle.name, str(pump_bundle)):
        assert json_of(capsys, "replay", "--bundle", name)["machine"] == "east"
    assert run(["replay", "--bundle", "zz"]) == 3
    assert "there is no bundle" in capsys.readouterr().err
