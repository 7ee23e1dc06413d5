"""`anomaly data simulate` writes whole files, and says what is wrong before it writes any."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import soundfile

from anomaly.audio.files.write import save_wav
from anomaly.cli import run

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ANOMALY_DATA", raising=False)
    return tmp_path


def simulate(*arguments: str) -> int:
    return run(["data", "simulate", *arguments])


def test_normal_clips(somewhere: Path, capsys: Capture) -> None:
    assert simulate("--machine", "pump", "--minutes", "0.1", "--clip-seconds", "2", "--seed", "4") == 0
    output = capsys.readouterr()
    paths = output.out.splitlines()
    assert paths == [f"data/pump/normal/normal_4_{n:04d}.wav" for n in range(3)]
    assert "3 recordings, 0.1 minutes" in output.err
    info = soundfile.info(somewhere / paths[0])
    assert (info.samplerate, info.channels, info.frames, info.subtype) == (16_000, 1, 32_000, "PCM_16")


def test_a_fault_in_one_long_file(somewhere: Path, capsys: Capture) -> None:
    arguments = [
        "--machine",
        "valve",
        "--minutes",
        "0.05",
        "--fault",
        "leak",
        "--severity",
        "0.5",
        "--out",
        "here",
    ]
    assert simulate(*arguments, "--format", "flac", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["machine"] == "valve"
    assert found["seconds"] == 3.0
    (file,) = found["files"]
    assert file["path"] == "here/abnormal/anomaly_leak_0.5_0_0000.flac"
    assert (file["fault"], file["severity"]) == ("leak", 0.5)
    assert soundfile.info(somewhere / file["path"]).frames == 48_000


def test_a_dataset(somewhere: Path, capsys: Capture) -> None:
    arguments = [
        "--machine",
        "slider",
        "--dataset",
        "--minutes",
        "0.1",
        "--clip-seconds",
        "1",
        "--test-clips",
        "1",
    ]
    assert simulate(*arguments, "--out", "set") == 0
    names = {path.relative_to(somewhere / "set").as_posix() for path in (somewhere / "set").rglob("*.wav")}
    assert len(names) == 6 + 4 + 5 * 3
    assert {"train/normal_0_0005.wav", "test/normal_0_0009.wav", "test/anomaly_rub_0.3_0_0000.wav"} <= names


def test_the_same_arguments_give_the_same_bytes(somewhere: Path) -> None:
    arguments = ["--machine", "fan", "--minutes", "0.05", "--snr-db", "3", "--states", "high:2,stopped:1"]
    assert simulate(*arguments, "--out", "a") == simulate(*arguments, "--out", "b") == 0
    first, second = (somewhere / name / "normal" / "normal_0_0000.wav" for name in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_speed_as_name_or_rpm(somewhere: Path, capsys: Capture) -> None:
    for speed in ("low", "2000"):
        arguments = ["--machine", "pump", "--minutes", "0.02", "--speed", speed, "--out", speed, "--json"]
        assert simulate(*arguments) == 0
        (file,) = json.loads(capsys.readouterr().out)["files"]
        assert file["states"][0][2] == pytest.approx(1460.0 if speed == "low" else 2000.0, rel=0.02)


def test_a_recipe_from_a_file(somewhere: Path, capsys: Capture) -> None:
    import anomaly.audio.simulator

    shipped = Path(anomaly.audio.simulator.__file__).parent / "recipes" / "fan.yaml"
    (somewhere / "mine.yaml").write_text(shipped.read_text().replace("machine: fan", "machine: attic"))
    assert simulate("--recipe", "mine.yaml", "--minutes", "0.02") == 0
    assert capsys.readouterr().out.strip() == "data/attic/normal/normal_0_0000.wav"
    (somewhere / "bad.yaml").write_text("machine: fan\nsorces: []\n")
    assert simulate("--recipe", "bad.yaml") == 3
    assert "bad.yaml:" in capsys.readouterr().err


def test_list(capsys: Capture) -> None:
    assert simulate("--list", "--json") == 0
    machines = json.loads(capsys.readouterr().out)["machines"]
    assert [machine["machine"] for machine in machines] == ["fan", "gearbox", "pump", "slider", "valve"]
    assert machines[2]["faults"]["cavitation"]["character"] == "steady"
    assert simulate("--list", "--machine", "pump") == 0
    output = capsys.readouterr().out
    assert "outer_race" in output
    assert "2920 rpm" in output
    assert "belt_squeal" not in output


def test_files_are_only_replaced_by_force(somewhere: Path, capsys: Capture) -> None:
    arguments = ["--machine", "pump", "--minutes", "0.02", "--out", "x"]
    assert simulate(*arguments) == 0
    path = somewhere / "x" / "normal" / "normal_0_0000.wav"
    path.write_bytes(b"mine")
    assert simulate(*arguments) == 4
    assert "--force" in capsys.readouterr().err
    assert path.read_bytes() == b"mine"
    assert simulate(*arguments, "--force") == 0
    assert path.stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "give --machine or --recipe"),
        (["--machine", "pump", "--recipe", "x.yaml"], 2, "not both"),
        (["--machine", "toaster"], 2, "fan, gearbox, pump, slider, valve"),
        (
            ["--machine", "pump", "--fault", "leek", "--severity", "1"],
            2,
            "--fault: a pump has no fault 'leek'",
        ),
        (
            ["--machine", "pump", "--fault", "leak", "--severity", "1.5"],
            2,
            "--severity: severity 1.5 is outside 0 to 1",
        ),
        (["--machine", "pump", "--fault", "leak", "--severity", "0"], 2, "severity 0"),
        (["--machine", "pump", "--severity", "0.5"], 2, "needs a fault"),
        (["--machine", "pump", "--dataset", "--fault", "leak"], 2, "every fault"),
        (["--machine", "pump", "--minutes", "0"], 2, "--minutes: 0 minutes"),
        (["--machine", "pump", "--minutes", "1e12"], 2, "at most 1440"),
        (["--machine", "pump", "--minutes", "many"], 2, "--minutes"),
        (["--machine", "pump", "--clip-seconds", "0"], 2, "--clip-seconds"),
        (["--machine", "pump", "--speed", "warp"], 2, "--speed: a pump has no state 'warp'"),
        (["--machine", "pump", "--states", "high:10,low"], 2, "state:seconds"),
        (["--machine", "pump", "--states", "high:10,warp:3"], 2, "--states: a pump has no state 'warp'"),
        (["--machine", "pump", "--states", "sometimes"], 2, "--states: 'sometimes' is no schedule"),
        (["--machine", "pump", "--seed", "-1"], 2, "--seed: must not be negative"),
        (["--machine", "pump", "--machine-id", "-1"], 2, "--machine-id: must not be negative"),
        (["--machine", "pump", "--snr-db", "nan"], 2, "--snr-db: nan dB"),
        (["--machine", "pump", "--speed", "-5"], 2, "--speed: -5.0 rpm"),
        (["--machine", "pump", "--speed", "low", "--states", "cycle"], 2, "--speed: a speed goes with"),
        (["--machine", "pump", "--states", "high:0.01"], 2, "--states: state 'high' cannot last"),
        (["--machine", "pump", "--format", "mp3"], 2, "--format"),
        (["--machine", "pump", "--test-clips", "5"], 2, "--test-clips: has no effect without --dataset"),
        (["--list", "--minutes", "3"], 2, "--minutes: has no effect with --list"),
        (["--list", "--dataset"], 2, "--dataset: has no effect with --list"),
        (["--list", "--seed", "0"], 2, "--seed: has no effect with --list"),
        (["--recipe", "missing.yaml"], 3, "missing.yaml"),
    ],
)
def test_wrong_arguments(
    somewhere: Path, capsys: Capture, arguments: list[str], code: int, message: str
) -> None:
    assert simulate(*arguments) == code
    output = capsys.readouterr()
    assert message in output.err
    assert output.out == ""
    assert not (somewhere / "data").exists()


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), OSError("the disk is gone")])
@pytest.mark.parametrize("arguments", [["--dataset", "--test-clips", "1"], []])
def test_an_interrupted_set_leaves_nothing(
    somewhere: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], stop: BaseException
) -> None:
    written = []

    def stopped(*arguments: object, **more: object) -> None:
        written.append(arguments)
        if len(written) == 4:
            raise stop
        save_wav(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("anomaly.audio.simulator.datasets.save_wav", stopped)
    arguments = ["--machine", "pump", "--minutes", "0.1", "--clip-seconds", "1", *arguments]
    assert simulate(*arguments) in (1, 130)
    assert list(somewhere.iterdir()) == []
    monkeypatch.undo()
    monkeypatch.chdir(somewhere)
    assert simulate(*arguments) == 0


def test_a_set_that_is_killed_leaves_nothing_under_its_name(somewhere: Path) -> None:
    arguments = ["--machine", "fan", "--dataset", "--minutes", "20", "--out", "set"]
    process = subprocess.Popen(
        [sys.executable, "-m", "anomaly", "data", "simulate", *arguments], cwd=somewhere
    )
    try:
        while not list(somewhere.rglob("*.wav")):
            assert process.poll() is None
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    assert not (somewhere / "set").exists()
    assert all(path.name.startswith(".set.new.") for path in somewhere.iterdir())


def test_a_folder_that_cannot_be_written(somewhere: Path, capsys: Capture) -> None:
    (somewhere / "file").write_bytes(b"")
    assert simulate("--machine", "pump", "--minutes", "0.02", "--out", "file") == 3
    assert "file: is in the way: no folder" in capsys.readouterr().err
