"""`anomaly feedback` and `replay`: what follows from the outcome of a case, and what other settings would have done."""

from __future__ import annotations

from pathlib import Path

from anomaly.bundle.versions import version_of
from anomaly.cli import run
from anomaly.store.database.rows import StateRow
from anomaly.store.store import DATABASE_NAME, Store
from support.pump_commands import Capture, alarms, for_pump, json_of, store_scores


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


def test_feedback_on_a_case_of_another_detector_scores_its_clip_again(
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


def test_replay_of_the_bundle_in_use_takes_its_calibration(
    folder: Path, fault_recording: Path, capsys: Capture
) -> None:
    (folder / "site.yaml").write_text(
        f"clips: {{content: full}}\nmachines:\n  pump: {{source: {fault_recording}, model: pump}}\n"
    )
    assert run(["monitor", "--config", "site.yaml", "--no-realtime", "--jsonl"]) == 0
    (case,) = json_of(capsys, "cases", "list")
    tried = for_pump("replay", "--since", "1h", "--bundle", "pump")
    assert [one["outcome"] for one in json_of(capsys, *tried)["cases"]] == ["stays"]
    json_of(capsys, "feedback", case["id"], "--normal")
    assert [one["outcome"] for one in json_of(capsys, *tried)["cases"]] == ["vanishes"]


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

    def outcomes_of(*option: str) -> list[str]:
        found = json_of(capsys, *for_pump("replay", "--since", "1h", *option))
        assert found["appear"] == []
        assert [one["by"] for one in found["cases"]] == ["history"]
        return [one["outcome"] for one in found["cases"]]

    assert outcomes_of() == ["stays"]
    json_of(capsys, "feedback", case["id"], "--normal")
    assert outcomes_of() == ["vanishes"]
    assert outcomes_of("--calibration", "1") == ["vanishes"]
    assert outcomes_of("--calibration", "0") == ["stays"]
