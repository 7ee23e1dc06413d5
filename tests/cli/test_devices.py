"""Commands `anomaly devices` and `anomaly record`, in processes of their own where they listen."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from anomaly.cli import run
from support.lost_output import CLOSED_PIPE, REASONS, run_without_stdout
from support.sound_card import SoundServer, strongest_hz, tone

ANOMALY = [sys.executable, "-m", "anomaly"]


def anomaly(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ANOMALY, *arguments], cwd=cwd, capture_output=True, text=True, check=False, timeout=60
    )


def test_devices_lists_the_card(fake_card: SoundServer, tmp_path: Path) -> None:
    done = anomaly("devices", "--json", cwd=tmp_path)
    assert done.returncode == 0
    first = json.loads(done.stdout)["devices"][0]
    assert first["index"] == 0
    assert first["id"] == "hw:CARD=pump,DEV=0"
    assert "hw:CARD=pump,DEV=0" in anomaly("devices", cwd=tmp_path).stdout


@pytest.mark.usefixtures("no_inputs")
def test_without_inputs_devices_reports_that_and_record_exits_6(tmp_path: Path) -> None:
    done = anomaly("devices", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert "no inputs" in done.stderr
    assert json.loads(anomaly("devices", "--json", cwd=tmp_path).stdout) == {"devices": []}
    failed = anomaly("record", "--machine", "pump", "--device", "hw:0", cwd=tmp_path)
    assert (failed.returncode, failed.stdout) == (6, "")
    assert "hw:0: cannot be opened" in failed.stderr
    assert "inputs here: none" in failed.stderr
    assert not (tmp_path / "data").exists()


def test_record_writes_clips(fake_card: SoundServer, tmp_path: Path) -> None:
    fake_card.play(tone(1_000))
    arguments = [
        "record",
        "--machine",
        "pump",
        "--device",
        "hw:0",
        "--minutes",
        "0.05",
        "--clip-seconds",
        "2",
    ]
    done = anomaly(*arguments, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["seconds"] == 3
    assert (answer["silent_seconds"], answer["clipping_seconds"], answer["gaps"]) == (0, 0, 0)
    clips = sorted((tmp_path / "data/pump/normal").iterdir())
    assert [str(clip.relative_to(tmp_path)) for clip in clips] == answer["files"]
    sound, rate_hz = soundfile.read(clips[0], dtype="float32")
    assert (rate_hz, len(sound)) == (16_000, 32_000)
    assert strongest_hz(sound[8_000:]) == pytest.approx(1_000, abs=2)


@pytest.mark.parametrize("kind", REASONS)
def test_a_recording_goes_on_when_stdout_is_lost(fake_card: SoundServer, tmp_path: Path, kind: str) -> None:
    fake_card.play(tone(1_000))
    line = ["record", "--machine", "pump", "--device", "hw:0", "--minutes", "0.05", "--clip-seconds", "1"]
    done = run_without_stdout(kind, *line, cwd=tmp_path)
    assert len(list((tmp_path / "data/pump/normal").iterdir())) == 3
    assert "saved 3.0 s in 3 clips" in done.stderr
    if kind == CLOSED_PIPE:
        assert done.returncode == 0
    else:
        assert done.returncode == 3
        assert f"standard output: cannot be written: {REASONS[kind]}" in done.stderr


def test_record_warns_of_a_loud_and_a_silent_microphone(fake_card: SoundServer, tmp_path: Path) -> None:
    arguments = ["record", "--machine", "pump", "--device", "hw:0", "--minutes", "0.025"]
    assert "1 s are silent" in anomaly(*arguments, cwd=tmp_path).stderr
    fake_card.play(np.clip(tone(300, level=4.0), -1, 1))
    assert "1 s touch full scale" in anomaly(*arguments, cwd=tmp_path).stderr


def test_ctrl_c_saves_the_sound_before_it(fake_card: SoundServer, tmp_path: Path) -> None:
    arguments = ["record", "--machine", "pump", "--device", "hw:0", "--clip-seconds", "1", "--native"]
    process = subprocess.Popen(
        [*ANOMALY, *arguments], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert soundfile.info(tmp_path / first.strip()).samplerate == 48_000
    assert not [path for path in (tmp_path / "data/pump/normal").iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--machine", "pump", "--minutes", "0"], 2),
        (["--machine", "pump", "--minutes", "nan"], 2),
        (["--machine", "pump", "--clip-seconds", "0.5"], 2),
        (["--machine", "pump", "--channel", "left"], 2),
        (["--machine", "../pump"], 3),
        ([], 2),
    ],
)
def test_wrong_arguments(
    arguments: list[str],
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["record", *arguments]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert not list(tmp_path.iterdir())


def test_a_terminal_shows_the_level_and_a_pipe_does_not(fake_card: SoundServer, tmp_path: Path) -> None:
    arguments = [*ANOMALY, "record", "--machine", "pump", "--device", "hw:0", "--minutes", "0.025"]
    reading, terminal = os.openpty()
    process = subprocess.Popen(arguments, cwd=tmp_path, stdout=subprocess.PIPE, stderr=terminal)
    os.close(terminal)
    shown = b""
    while process.poll() is None or select.select([reading], [], [], 0)[0]:
        try:
            shown += os.read(reading, 65_536)
        except OSError:  # the other end of a terminal closes with an error
            break
    process.communicate()
    os.close(reading)
    assert b"silent, 1 of 2 s" in shown
    assert b"dBFS" in shown
    assert "of 2 s" not in anomaly(*arguments[3:], cwd=tmp_path).stderr
