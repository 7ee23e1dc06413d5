"""A machine is added, its job begun, its version activated, and a recording scored."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from anomaly.archive.scoring_task import ScoringTask
from anomaly.config import load_site
from support.dashboard import SITE, Dashboard

NEW = {"machine": "mill", "device": "hw:7", "display_name": "Mill: 2", "location": "Hall 3"}


def test_a_machine_is_added_and_all_else_stays(dashboard: Dashboard) -> None:
    file = dashboard.folder / "site.yaml"
    file.write_text(f"# our plant\n{SITE}# the end\n")
    file.chmod(0o640)
    added = dashboard.post("/machines", NEW)
    assert (added["machine"], added["device"], added["state"]) == ("mill", "hw:7", "UNKNOWN")
    text = file.read_text()
    assert text.startswith("# our plant\n")
    assert text.endswith("# the end\n")
    assert file.stat().st_mode & 0o777 == 0o640
    assert list(load_site(file).machines) == ["mill", "pump", "fan"]
    assert load_site(file).machines["mill"].display_name == "Mill: 2"


def test_a_machine_that_does_not_fit(dashboard: Dashboard) -> None:
    before = (dashboard.folder / "site.yaml").read_text()
    dashboard.post("/machines", {**NEW, "machine": "pump"}, status=409)
    dashboard.post("/machines", {**NEW, "machine": "../up"}, status=422)
    dashboard.post("/machines", {**NEW, "device": "none"}, status=422)
    dashboard.post("/machines", {**NEW, "source": "both.wav"}, status=422)
    dashboard.post("/machines", {**NEW, "detector": "magic"}, status=422)
    assert (dashboard.folder / "site.yaml").read_text() == before
    assert [path.name for path in dashboard.folder.glob(".site*")] == []


def test_the_first_machine_makes_the_site_file(
    make_dashboard: Callable[..., Dashboard], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = make_dashboard()
    (tmp_path / "site.yaml").write_text("")
    found.post("/machines", NEW)
    assert list(load_site(tmp_path / "site.yaml").machines) == ["mill"]


def test_an_activation_needs_a_model_and_sets_the_budget(dashboard: Dashboard, pump_bundle: Path) -> None:
    dashboard.post("/machines", NEW)
    dashboard.post("/machines/mill/activate", status=409)
    shutil.copytree(pump_bundle, dashboard.folder / "models/mill")
    done = dashboard.post("/machines/mill/activate", {"false_alarms_per_day": 0.1})
    assert (done["monitored"], done["message"]) == (False, "the monitor of mill starts")
    assert load_site(dashboard.folder / "site.yaml").machines["mill"].false_alarms_per_day == 0.1
    assert json.loads((dashboard.folder / "state/web/activated.json").read_text()) == ["mill"]
    dashboard.post("/machines/none/activate", status=404)


def test_jobs_need_their_right_and_what_they_work_on(dashboard: Dashboard) -> None:
    dashboard.post("/jobs", {"kind": "record", "machine": "pump"}, status=422)
    dashboard.post("/jobs", {"kind": "test-alert", "machine": "pump"}, status=422)
    dashboard.post("/jobs", {"kind": "other", "machine": "pump"}, status=422)
    dashboard.add_user("anna", "operator")
    dashboard.login("anna")
    dashboard.post("/jobs", {"kind": "train", "machine": "pump"}, status=403)
    assert dashboard.get("/jobs") == []
    assert dashboard.client.get("/api/v1/jobs/0123456789abcdef").status_code == 404


def test_the_progress_of_a_job_is_a_stream(dashboard: Dashboard) -> None:
    begun = dashboard.post(
        "/jobs", {"kind": "record", "machine": "pump", "device": "none-here", "seconds": 5}
    )
    text = dashboard.client.get(f"/api/v1/jobs/{begun['id']}/events").text
    events = [line.removeprefix("event: ") for line in text.splitlines() if line.startswith("event: ")]
    assert events[-1] == "job"
    last = json.loads(text.rstrip().splitlines()[-1].removeprefix("data: "))
    assert last["state"] == "failed"
    assert "none-here" in last["error"]["message"]
    assert dashboard.post(f"/jobs/{begun['id']}/cancel")["state"] == "failed"


def test_the_model_of_a_machine(dashboard: Dashboard, pump_bundle: Path) -> None:
    assert dashboard.client.get("/api/v1/machines/pump/model").status_code == 404
    shutil.copytree(pump_bundle, dashboard.folder / "models/pump")
    model = dashboard.get("/machines/pump/model")
    assert [version["active"] for version in model["versions"]] == [True]
    assert "can be promised" in model["promise"]
    assert model["energy"]["low_uw"] < model["energy"]["high_uw"]
    assert model["chip"]["sops_per_second"] > 0
    again = dashboard.post("/machines/pump/model/activate", {"version": model["version"]})
    assert again["version"] == model["version"]
    dashboard.post("/machines/pump/model/activate", {"version": "ffff"}, status=422)
    dashboard.post("/machines/pump/model/rollback", status=409)


def test_a_recording_is_scored_as_by_the_command(
    dashboard: Dashboard, pump_bundle: Path, pump_recordings: Path
) -> None:
    shutil.copytree(pump_bundle, dashboard.folder / "models/pump")
    path = next(iter(sorted(pump_recordings.rglob("*outer_race*.wav"))))
    csrf = dashboard.get("/site")["csrf"]
    headers = {"X-CSRF-Token": csrf, "Content-Type": "audio/wav"}
    url = "/api/v1/score?machine=pump&per_second=true"
    answer = dashboard.client.post(url, content=path.read_bytes(), headers=headers)
    assert answer.status_code == 200, answer.text
    expected = ScoringTask(dashboard.folder / "models/pump", per_second=True)(path).to_dict()
    # JSON keeps each bit of a number.
    assert answer.json() == json.loads(json.dumps(expected | {"path": "recording.wav"}))
    noise = dashboard.client.post(url, content=b"no sound at all", headers=headers)
    assert (noise.status_code, noise.json()["status"]) == (200, "error")
    missing = dashboard.client.post("/api/v1/score?machine=none", content=b"", headers=headers)
    assert missing.status_code == 404


def test_a_sink_is_tested(dashboard: Dashboard) -> None:
    dashboard.post("/sinks/none/test", status=404)


def test_inputs_are_listened_to_with_a_key(dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch) -> None:
    dashboard.post("/devices/none/listen", status=404)
    answer = dashboard.client.get(f"/api/v1/devices/none/listen?key={'0' * 32}")
    assert answer.status_code == 403
