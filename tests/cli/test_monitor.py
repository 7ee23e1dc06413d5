"""`anomaly monitor` from the command line: records on stdout, messages on stderr, exit codes as documented."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from anomaly.audio.files.recordings import read_16k
from anomaly.bundle import open_bundle
from anomaly.cli import run
from anomaly.detect.model import load_model
from anomaly.store.store import DATABASE_NAME, Store

ANOMALY = [sys.executable, "-m", "anomaly"]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def recording(pump_recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seconds of a healthy pump."""
    files = sorted(pump_recordings.rglob("normal_*.wav"))[:2]
    path = tmp_path_factory.mktemp("sound") / "pump.wav"
    soundfile.write(path, np.concatenate([read_16k(file) for file in files]), 16_000, subtype="FLOAT")
    return path


@pytest.fixture
def command(pump_bundle: Path, recording: Path) -> list[str]:
    return ["monitor", "--source", str(recording), "--models", str(pump_bundle.parent), "--no-realtime"]


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def stored_seconds(state: str = "state") -> list[int]:
    with Store.open(Path(state) / DATABASE_NAME, create=False) as store:
        return [row.second for row in store.history.scores("pump")]


def bundles(pump_bundle: Path, *names: str) -> Path:
    folder = Path("bundles")
    folder.mkdir()
    for name in names:
        shutil.copytree(pump_bundle, folder / name)
    return folder


def test_a_record_per_second_with_the_promised_keys(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*command, "--jsonl"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    records = lines(shown.out)
    assert [record["second"] for record in records] == list(range(12))
    for record in records:
        assert {"time", "machine", "score", "p_value", "state"} <= set(record)
        assert (record["machine"], record["sensor"], record["state"]) == ("pump", "ok", "OK")
        assert 0 < record["p_value"] <= 1
    assert stored_seconds() == list(range(12))


def test_a_recording_that_breaks_off_is_monitored_as_far_as_it_goes(
    command: list[str], recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = tmp_path / "cut.wav"
    cut.write_bytes(recording.read_bytes()[: 5 * 16_000 * 4])
    command[command.index(str(recording))] = str(cut)
    assert run([*command, "--jsonl"]) == 0
    *seconds, report = lines(capsys.readouterr().out)
    assert [record["second"] for record in seconds] == list(range(4))
    assert report["event"] == "source.truncated"
    assert "cut.wav is cut short" in report["message"]
    assert "5.00 s that are there were monitored" in report["message"]
    with Store.open(tmp_path / "state" / DATABASE_NAME, create=False) as store:
        assert "source.truncated" in [event.event for event in store.history.events()]


def test_file_and_pipe_give_the_scores_of_the_recording(
    command: list[str], recording: Path, pump_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    judged = load_model(open_bundle(pump_bundle)).scorer("student").recording(read_16k(recording))
    for _ in range(2):
        assert run([*command, "--jsonl"]) == 0
        scores = [record["score"] for record in lines(capsys.readouterr().out)]
        assert scores == [second.score for second in judged]
    with recording.open("rb") as file:
        done = subprocess.run(
            [*ANOMALY, *("-" if word == str(recording) else word for word in command), "--jsonl"],
            stdin=file,
            capture_output=True,
            text=True,
            check=True,
        )
    assert [record["score"] for record in lines(done.stdout)] == scores


def test_without_jsonl_the_screen_shows_lines(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert "  pump  OK     [" in line


def test_an_alarm_is_an_event_a_case_and_exit_code_10(
    command: list[str], pump_recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = np.concatenate([read_16k(f) for f in sorted(pump_recordings.rglob("anomaly_outer_race_*.wav"))])
    soundfile.write("bad.wav", bad, 16_000, subtype="FLOAT")
    assert run([command[0], "--source", "bad.wav", *command[3:], "--jsonl", "--fail-on-anomaly"]) == 10
    # The clip of the case comes when it is written, which may be after the last second.
    records = [one for one in lines(capsys.readouterr().out) if one.get("event") != "clip.saved"]
    events = [record["event"] for record in records if "event" in record]
    assert events[-1] == "case.opened"
    assert set(events) == {"state.changed", "case.opened"}
    assert records[-1]["state"] == "ALARM"
    assert run(["cases", "list", "--json"]) == 0
    (case,) = json.loads(capsys.readouterr().out)
    opened = next(record for record in records if record.get("event") == "case.opened")
    assert (case["id"], case["kind"], case["machine"]) == (opened["case"], "machine", "pump")
    assert (opened["time"], opened["message"]) == (case["opened_at"], case["summary"])
    assert run([*command, "--state", "other", "--fail-on-anomaly"]) == 0


def test_the_only_bundle_needs_no_name_and_several_are_listed(
    command: list[str], pump_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many = [*command[:4], str(bundles(pump_bundle, "pump", "spare")), *command[5:]]
    assert run(many) == 3
    assert "bundles here: pump, spare" in capsys.readouterr().err
    assert run([*many, "--machine", "fan"]) == 3
    assert "bundles here: pump, spare" in capsys.readouterr().err
    assert run([*command[:4], "nowhere", *command[5:]]) == 3
    assert "bundles here: none" in capsys.readouterr().err
    assert not Path("state").exists()
    assert run([*many, "--machine", "pump", "--jsonl"]) == 0
    assert {record["machine"] for record in lines(capsys.readouterr().out)} == {"pump"}


@pytest.mark.usefixtures("no_inputs")
def test_site_yaml_ties_a_machine_to_a_device(pump_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundles(pump_bundle, "pump", "spare")
    Path("site.yaml").write_text("machines:\n  spare:\n    device: hw:3\nmodels_dir: bundles\n")
    for command in (["monitor", "--device", "hw:3"], ["monitor", "--machine", "spare"]):
        # The machine is found: what is missing is the sound card.
        assert run(command) == 6
        assert "hw:3: cannot be opened" in capsys.readouterr().err
    assert run(["monitor", "--device", "hw:4"]) == 3
    assert "bundles here: pump, spare" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--device", "hw:0"], 2, "--device or --source, not both"),
        (["--detector", "parrot"], 2, "one of student, teacher"),
        (["--channel", "left"], 2, "--channel"),
        (["--false-alarms-per-day", "0"], 2, "--false-alarms-per-day"),
        (["--false-alarms-per-day", "nan"], 2, "--false-alarms-per-day"),
        (["--source", "nowhere.wav"], 4, "nowhere.wav"),
        (["--channel", "5"], 4, "there is no channel 5"),
        (["--config", "nowhere.yaml"], 3, "nowhere.yaml"),
        (["--machine", "../pump"], 3, "no machine name"),
        (["--state", __file__], 3, "cannot be"),
    ],
)
def test_wrong_options(
    more: list[str], code: int, message: str, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*command, *more]) == code
    shown = capsys.readouterr()
    assert (shown.out, message in shown.err, "Traceback" in shown.err) == ("", True, False)
    assert list(Path().iterdir()) == []


def test_no_source_exits_3(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["monitor", *command[3:]]) == 3
    assert "give --device or --source" in capsys.readouterr().err


def test_a_text_file_is_no_sound(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.wav").write_text("this is not sound\n" * 100)
    for source in ("a.wav", "."):
        assert run([command[0], "--source", source, *command[3:]]) == 4
        assert capsys.readouterr().out == ""
    assert not Path("state").exists()


@pytest.mark.parametrize("name", ["network.bit", "teacher.onnx", "calibration.json", "bundle.json"])
def test_a_flipped_byte_exits_5_and_names_the_file(
    name: str, command: list[str], pump_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = bundles(pump_bundle, "pump") / "pump" / name
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    assert run([*command[:4], "bundles", *command[5:]]) == 5
    shown = capsys.readouterr()
    assert (shown.out, str(damaged) in shown.err) == ("", True)
    assert not Path("state").exists()


@pytest.mark.usefixtures("no_inputs")
def test_a_missing_device_exits_6_with_the_list(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["monitor", "--device", "hw:0", *command[3:5]]) == 6
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "hw:0: cannot be opened" in shown.err
    assert "inputs here: none" in shown.err
    assert not Path("state").exists()


def start(command: list[str], **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*ANOMALY, *command, "--jsonl"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_it_and_all_shown_records_are_stored(
    number: signal.Signals, code: int, command: list[str]
) -> None:
    with start(command[:5]) as process:
        assert process.stdout is not None
        first = [process.stdout.readline() for _ in range(2)]
        process.send_signal(number)
        rest, errors = process.communicate(timeout=30)
    assert process.returncode == code, errors
    assert "Traceback" not in errors
    shown = [record["second"] for record in lines("".join(first) + rest)]
    assert shown == stored_seconds() == list(range(len(shown)))
    assert 2 <= len(shown) < 12


def test_sigterm_ends_the_wait_for_a_silent_pipe(command: list[str], recording: Path) -> None:
    with start(["monitor", "--source", "-", *command[3:5]], stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.buffer.write(recording.read_bytes()[: 4 * 40_000])
        process.stdin.flush()
        # Two and a half seconds came: after the second one it waits for the pipe.
        first = [process.stdout.readline() for _ in range(2)]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        rest, errors = process.stdout.read(), process.stderr.read() if process.stderr else ""
    assert errors == ""
    assert stored_seconds() == [record["second"] for record in lines("".join(first) + rest)] == [0, 1]


def test_a_closed_output_pipe_ends_it(command: list[str]) -> None:
    with start(command) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        json.loads(process.stdout.readline())
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 0
    assert errors.count("the output cannot be written, monitoring goes on without it") == 1
    assert "Traceback" not in errors
    assert len(stored_seconds()) > 2


def test_no_torch_is_loaded(command: list[str]) -> None:
    code = (
        "import sys; from anomaly.cli import run; code = run(sys.argv[1:]);"
        "heavy = {'torch', 'torchaudio', 'librosa', 'sklearn', 'matplotlib', 'jinja2'} & set(sys.modules);"
        "sys.exit(f'{code} {heavy}' if code or heavy else 0)"
    )
    for detector in ("student", "teacher"):
        done = subprocess.run(
            [sys.executable, "-c", code, *command, "--detector", detector],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
