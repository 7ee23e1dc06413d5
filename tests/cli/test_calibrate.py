"""`anomaly calibrate`: each change of the calibration has a number and can be undone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import soundfile

from anomaly.bundle.versions import version_of
from anomaly.cli import run
from anomaly.store.store import DATABASE_NAME, Store
from support.pump_commands import Capture, alarms, for_pump, json_of, store_scores


def test_the_monitor_stores_the_model_beside_the_scores(
    folder: Path, pump_bundle: Path, fault_recording: Path, capsys: Capture
) -> None:
    alarms(capsys, fault_recording)
    with Store.open(folder / "state" / DATABASE_NAME, create=False) as store:
        noted = store.time_series.states("pump", "model")
        assert [row.state for row in noted] == [f"student {version_of(pump_bundle)}"]
        assert noted[0].time_s == store.history.scores("pump")[0].time_s


def test_the_next_commands_are_about_the_same_detector_and_folder(
    folder: Path, pump_recordings: Path, capsys: Capture
) -> None:
    normal = str(next((pump_recordings / "test").glob("normal_*")))
    line = for_pump("calibrate", "--from", normal, "--detector", "teacher", "--state", "elsewhere", "--force")
    assert run(line) == 0
    steps = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  anomaly ")]
    assert len(steps) == 2
    assert all(" --state elsewhere --detector teacher  " in step for step in steps)


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


def test_a_recording_that_breaks_off_is_taken_and_reported(
    folder: Path, fault_recording: Path, capsys: Capture
) -> None:
    cut = folder / "cut.wav"
    cut.write_bytes(fault_recording.read_bytes()[: 6 * 16_000 * 4])
    assert run(for_pump("calibrate", "--from", str(cut), "--force")) == 0
    assert "cut.wav: is cut short" in capsys.readouterr().err


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
