"""`anomaly models`: versions beside each other, compared before one of them is put into use."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from anomaly.audio.files.recordings import read_16k
from anomaly.bundle import open_bundle, versions, write_bundle
from anomaly.bundle.manifest import ManifestDraft
from anomaly.cli import run
from anomaly.detect.calibration.versions import CalibrationVersions, Source
from anomaly.detect.model import load_model


@pytest.fixture
def models(pump_bundle: Path, own_folder: Path) -> Path:
    shutil.copytree(pump_bundle, "models/pump")
    old = open_bundle(Path("models/pump"))
    facts = old.manifest.model_dump()
    draft = ManifestDraft(
        **{name: facts[name] for name in ManifestDraft.model_fields} | {"metrics": {"n": 2}}
    )
    with versions.replacing(Path("models"), "pump"):
        write_bundle(Path("models/pump"), draft, {name: old.read(name) for name in old.manifest.files})
    return own_folder / "models"


def json_of(capsys: pytest.CaptureFixture[str], *line: str) -> Any:
    assert run([*line, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_list_activate_roll_back(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = json_of(capsys, "models", "list", "pump")
    assert [row["active"] for row in listed].count(True) == 1
    old = next(row["id"] for row in listed if not row["active"])
    new = next(row["id"] for row in listed if row["active"])
    assert json_of(capsys, "models", "activate", "pump", old[:6])["id"] == old
    assert versions.version_of(models / "pump") == old
    assert json_of(capsys, "models", "rollback", "pump")["id"] == new
    assert run(["models", "list", "pump"]) == 0
    assert f"* {new}" in capsys.readouterr().out
    assert run(["verify", "pump"]) == 0


def test_list_all_bundles(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(models / "pump", models / "fan")
    listed = json_of(capsys, "models", "list")
    assert {row["bundle"] for row in listed} == {"pump", "fan"}
    assert [
        {k: v for k, v in row.items() if k != "bundle"} for row in listed if row["bundle"] == "pump"
    ] == json_of(capsys, "models", "list", "pump")
    assert run(["models", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(listed)
    assert lines[0].split()[0] == "fan"


def test_an_unknown_machine(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["list", "pmup"], ["rollback", "pmup"], ["activate", "pmup", "abc"]):
        assert run(["models", *command]) == 3
        assert "bundles here: pump" in capsys.readouterr().err


def test_list_without_bundles(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "list", "--models", str(tmp_path / "none")]) == 3
    assert "anomaly train --machine NAME" in capsys.readouterr().err


def test_compare_over_recordings(
    models: Path, pump_recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = next(v.id for v in versions.versions(models, "pump") if not v.active)
    (models.parent / "bad.wav").write_bytes(b"none")
    result = json_of(
        capsys, "models", "compare", "pump", old, "--data", str(pump_recordings), "--data", "bad.wav"
    )
    # The same network under another manifest gives the same verdicts.
    assert result["compared"] == 8
    assert result["errors"] == 1
    assert result["alarms_one"] == result["alarms_other"]
    assert (result["appear"], result["vanish"], result["other"]) == (0, 0, old)
    rows = [row for row in result["rows"] if row["error"] is None]
    assert all(row["one"] == row["other"] for row in rows)
    faulty = [row["one"]["score"] for row in rows if "anomaly" in row["path"]]
    normal = [row["one"]["score"] for row in rows if "normal" in row["path"]]
    assert min(faulty) > max(normal)
    assert run(["models", "compare", "pump", old, "--data", str(pump_recordings)]) == 0
    shown = capsys.readouterr().out
    assert "0 alarms would be new, 0 would no longer be raised" in shown
    assert f"anomaly models activate pump {old}" in shown
    assert run(["models", "compare", "pump", old, "--data", str(pump_recordings), "--details"]) == 0
    assert capsys.readouterr().out.count(" | ") > 8


def test_compare_judges_each_version_with_its_calibration(
    models: Path, pump_recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    active = versions.version_of(models / "pump")
    old = next(v.id for v in versions.versions(models, "pump") if not v.active)
    faults = sorted(pump_recordings.rglob("anomaly_*.wav"))
    scorer = load_model(open_bundle(models / "pump")).scorer("student")
    marked = tuple(tuple(s.score for s in scorer.recording(read_16k(path))) for path in faults)
    source = Source("feedback", "a case", 0.0, 0.0, marked)
    CalibrationVersions(Path("state"), "pump", "student").add(active, [source], by="ann", reason="a test")
    line = ["models", "compare", "pump", old, "--data", *map(str, faults[:1])]
    result = json_of(capsys, *line)
    # The version in use has learned that this is no fault; the old one has not.
    assert (result["alarms_one"], result["alarms_other"], result["appear"]) == (0, 1, 1)
    assert json_of(capsys, *line, "--state", "elsewhere")["alarms_one"] == 1


def test_a_machine_with_a_bundle_of_another_name(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (models.parent / "site.yaml").write_text(
        "machines:\n  east: {device: hw:0, model: pump}\n  west: {device: hw:1, model: pump}\n"
        "  fan: {device: hw:2}\n"
    )
    old = next(v.id for v in versions.versions(models, "pump") if not v.active)
    assert [row["id"] for row in json_of(capsys, "models", "list", "east")].count(old) == 1
    result = json_of(capsys, "models", "activate", "east", old)
    assert (result["id"], result["bundle"], result["machines"]) == (old, "pump", ["east", "west"])
    assert run(["models", "rollback", "west"]) == 0
    assert "of bundle pump is in use, also for east" in capsys.readouterr().err
    assert run(["models", "rollback", "pump"]) == 0
    assert f"pump: version {old} is in use, also for east, west" in capsys.readouterr().err
    assert run(["models", "list", "fan"]) == 3


def test_compare_uses_the_delays_of_the_site_file(
    models: Path, pump_recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = next(v.id for v in versions.versions(models, "pump") if not v.active)
    command = ["models", "compare", "east", old, "--data", str(pump_recordings)]
    site = models.parent / "site.yaml"
    found = []
    for delay_s in (60, 0):
        site.write_text(
            f"machines:\n  east: {{device: hw:0, model: pump, alarm: {{on_delay_s: {delay_s}}}}}\n"
        )
        found.append(json_of(capsys, *command)["alarms_one"])
    # A delay longer than any of the recordings leaves no alarm; without it there are those of the faults.
    assert found[0] == 0 < found[1]


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        (["models", "list", "fan"], 3, "there is no bundle"),
        (["models", "list", "../pump"], 3, "no machine name"),
        (["models", "activate", "pump", "zz"], 2, "no version begins with 'zz'"),
        (["models", "activate", "pump", ""], 2, "no version begins with"),
        (["models", "rollback", "fan"], 3, "there is no bundle"),
        (["models", "compare", "pump", "zz"], 2, "no version begins with"),
        (["models", "compare", "pump", "ACTIVE", "--detector", "x"], 2, "no detector 'x'"),
        (["models", "compare", "pump", "ACTIVE"], 3, "no database here"),
        (["models", "compare", "pump", "ACTIVE", "--data", "nowhere"], 4, "no such file"),
        (["models", "compare", "pump", "ACTIVE", "--data", "models"], 4, "no audio"),
    ],
)
def test_mistakes(
    models: Path, command: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    active = versions.version_of(models / "pump")
    assert run([active if word == "ACTIVE" else word for word in command]) == code
    assert message in capsys.readouterr().err


def test_a_budget_that_cannot_be_kept(
    models: Path, pump_recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    active = versions.version_of(models / "pump")
    command = ["models", "compare", "pump", active, "--data", str(pump_recordings)]
    assert run([*command, "--false-alarms-per-day", "-1"]) == 2
    assert "budget" in capsys.readouterr().err


def test_a_comparison_without_a_scored_recording_fails(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    no_sound = tmp_path / "text.wav"
    no_sound.write_text("no sound at all")
    active = versions.version_of(models / "pump")
    assert run(["models", "compare", "pump", active, "--data", str(no_sound)]) == 4
    shown = capsys.readouterr()
    assert "nothing could be compared" in shown.err
    assert f"{no_sound}: is not a recording" in shown.out
