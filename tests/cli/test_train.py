"""`anomaly train` and `anomaly distill`: what they print, and that bad input changes nothing."""

from __future__ import annotations

import importlib
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from anomaly.audio.simulator import simulate
from anomaly.bundle import open_bundle
from anomaly.cli import run
from anomaly.versions import versions

RATE_HZ = 16_000


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    """Forty seconds of a healthy pump."""
    return simulate("pump", seconds=40, seed=11).samples


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The options of a training that takes seconds."""
    from anomaly.teacher.fit import TeacherPlan
    from anomaly.training.profiles import PROFILES, Profile

    monkeypatch.setitem(PROFILES, "tiny", Profile(teacher=TeacherPlan(epochs=2), distil=None))
    return ["--profile", "tiny"]


def write_clips(folder: Path, sound: np.ndarray, clip_s: float, rate_hz: int = RATE_HZ) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    step = round(clip_s * rate_hz)
    for number, start in enumerate(range(0, len(sound) - step + 1, step)):
        soundfile.write(
            folder / f"normal_{number:02}.wav", sound[start : start + step], rate_hz, subtype="PCM_24"
        )


def tree(folder: Path) -> dict[str, bytes | None]:
    """Every path below a folder, hidden ones too, with its bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def empty_file(data: Path, _: np.ndarray) -> None:
    (data / "normal_99.wav").touch()


def short(data: Path, _: np.ndarray) -> None:
    for path in sorted(data.iterdir())[2:]:
        path.unlink()


def truncated(data: Path, _: np.ndarray) -> None:
    path = data / "normal_01.wav"
    path.write_bytes(path.read_bytes()[:100_000])


def text(data: Path, _: np.ndarray) -> None:
    (data / "normal_01.wav").write_text("this is not sound\n" * 1000)


def not_a_number(data: Path, sound: np.ndarray) -> None:
    bad = sound[:RATE_HZ].copy()
    bad[100] = np.nan
    soundfile.write(data / "normal_99.wav", bad, RATE_HZ, subtype="FLOAT")


def silence(data: Path, _: np.ndarray) -> None:
    for path in data.iterdir():
        soundfile.write(path, np.zeros(10 * RATE_HZ), RATE_HZ)


def empty_folder(data: Path, _: np.ndarray) -> None:
    for path in data.iterdir():
        path.unlink()


def no_folder(data: Path, _: np.ndarray) -> None:
    shutil.rmtree(data)


def no_folder_but_a_file(data: Path, _: np.ndarray) -> None:
    shutil.rmtree(data)
    data.touch()


@pytest.mark.parametrize(
    ("spoil", "where", "words"),
    [
        (no_folder, "data/pump", "there is no such folder"),
        (no_folder_but_a_file, "data/pump", "is a file, not a folder"),
        (empty_folder, "data/pump", "no audio files here"),
        (empty_file, "normal_99.wav", "is empty"),
        (short, "data/pump", "holds 20.0 s of usable normal sound"),
        (truncated, "normal_01.wav", "is cut short"),
        (text, "normal_01.wav", "is not a recording that can be read"),
        (not_a_number, "normal_99.wav", "not sound (nan at 0.006 s)"),
        (silence, "data/pump", "all 4 recordings are silent"),
    ],
)
def test_bad_recordings_exit_4_and_change_nothing(
    spoil: Callable[[Path, np.ndarray], None],
    where: str,
    words: str,
    sound: np.ndarray,
    pump_bundle: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_clips(Path("data/pump"), sound, 10)
    spoil(Path("data/pump"), sound)
    shutil.copytree(pump_bundle, "models/pump")
    before = tree(Path())
    assert run(["train", "--machine", "pump"]) == 4
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"{where}: " in shown.err.splitlines()[0]
    assert words in shown.err
    assert "Traceback" not in shown.err
    assert tree(Path()) == before


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--machine", "../x"], 3, "'../x' is no machine name"),
        (["--machine", ""], 3, "is no machine name"),
        ([], 2, "--machine"),
        (["--machine", "pump", "--profile", "quick"], 2, "one of fast, standard, best"),
        (["--machine", "pump", "--seed", "-1"], 2, "--seed"),
        (["--machine", "pump", "--seed", str(2**63)], 2, "--seed"),
        (["--machine", "pump", "--arch", "senna3"], 3, "senna3"),
        (["--machine", "pump", "--sign-key", "key.pem"], 3, "key.pem"),
        (["--machine", "pump", "--models", "file"], 3, "cannot be written"),
        (["--machine", "pump", "--models", "file/models"], 3, "cannot be written"),
    ],
)
def test_wrong_words(
    words: list[str], code: int, said: str, sound: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clips(Path("data/pump"), sound, 20)
    Path("file").touch()
    before = tree(Path())
    assert run(["train", *words]) == code
    shown = capsys.readouterr()
    assert (shown.out, said in shown.err, "Traceback" in shown.err) == ("", True, False)
    assert tree(Path()) == before


def test_a_read_only_models_folder_exits_3(
    sound: np.ndarray,
    capsys: pytest.CaptureFixture[str],
    unprivileged: Callable[[], AbstractContextManager[None]],
) -> None:
    write_clips(Path("data/pump"), sound, 20)
    Path("models").mkdir(mode=0o555)
    # An ordinary user may have no access to where root's Python is installed: load it first.
    importlib.import_module("anomaly.training.compile").read_chip("senna")
    with unprivileged():
        assert run(["train", "--machine", "pump"]) == 3
    assert "models: cannot be written" in capsys.readouterr().err
    assert tree(Path("models")) == {}


def test_forty_one_second_clips_are_enough(
    sound: np.ndarray, tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    write_clips(Path("data/pump"), sound, 1)
    assert run(["train", "--machine", "pump", *tiny, "--json"]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert answer["bundle"] == "models/pump"
    assert (answer["machine"], answer["fits"], answer["verified"]) == ("pump", True, True)
    assert 0 < answer["neurons"] <= 1024
    assert 0 < answer["synapses"] <= 25_600
    assert answer["seconds"] > 0
    assert [path.name for path in Path("models").iterdir()] == ["pump"]
    assert open_bundle(Path("models/pump")).manifest.machine == "pump"


def test_a_studio_recording_works_and_the_old_bundle_gives_way(
    sound: np.ndarray, tiny: list[str], pump_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(pump_bundle, "models/pump")
    write_clips(Path("recordings"), soxr.resample(sound[: 32 * RATE_HZ], RATE_HZ, 192_000), 32, 192_000)
    assert soundfile.info("recordings/normal_00.wav").subtype == "PCM_24"
    words = ["train", "--machine", "pump", "--data", "recordings", "--models", "models", *tiny]
    assert run([*words, "--level-normalise", "--seed", "3"]) == 0
    shown = capsys.readouterr()
    assert "models/pump" in shown.out
    assert sorted(path.name for path in Path("models").iterdir()) == [".versions", "pump"]
    kept = [version for version in versions(Path("models"), "pump") if not version.active]
    assert shown.err == (
        f"the bundle that was in models/pump is kept in {kept[0].path}; `anomaly models rollback pump` brings it back\n"
    )
    assert [open_bundle(version.path).manifest for version in kept] == [open_bundle(pump_bundle).manifest]
    manifest = open_bundle(Path("models/pump")).manifest
    assert manifest.front_end["level_normalise"] is True
    assert manifest.detectors["student"]["seed"] == 3


def test_distil_repeats_the_latter_part_from_the_teacher_of_the_bundle(
    sound: np.ndarray, tiny: list[str], pump_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(pump_bundle, "models/pump")
    write_clips(Path("data/pump"), sound, 10)
    assert run(["distill", "--machine", "pump", *tiny, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verified"] is True
    made = open_bundle(Path("models/pump"))
    assert made.read("teacher.onnx") == open_bundle(pump_bundle).read("teacher.onnx")
    assert made.manifest.detectors["teacher"]["given"] is True


def test_a_damaged_teacher_is_not_taught_from(
    sound: np.ndarray, pump_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(pump_bundle, "models/pump")
    write_clips(Path("data/pump"), sound, 10)
    teacher = Path("models/pump/teacher.onnx")
    data = bytearray(teacher.read_bytes())
    data[len(data) // 2] ^= 1
    teacher.write_bytes(data)
    before = tree(Path())
    assert run(["distill", "--machine", "pump"]) == 5
    assert "teacher.onnx: is damaged" in capsys.readouterr().err
    assert run(["distill", "--machine", "fan"]) == 3
    assert run(["distill", "--machine", "pump", "--teacher", "nowhere.onnx"]) == 5
    assert run(["distill", "--machine", "pump", "--seed", str(2**63)]) == 2
    assert tree(Path()) == before


def test_a_teacher_of_other_levels_or_of_another_machine_is_not_taught_from(
    tiny: list[str], sound: np.ndarray, pump_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clips(Path("data/pump"), sound, 10)
    write_clips(Path("data/fan"), simulate("fan", seconds=40, seed=11).samples, 10)
    teacher = ["--teacher", str(pump_bundle / "teacher.onnx"), *tiny]
    assert run(["distill", "--machine", "pump", *teacher, "--level-normalise"]) == 2
    assert "--level-normalise: the teacher in" in capsys.readouterr().err
    assert run(["distill", "--machine", "fan", *teacher]) == 5
    assert "--teacher: the teacher does not know this machine" in capsys.readouterr().err
    assert not Path("models/fan").exists()


def test_a_teacher_that_stands_alone_is_taught_from_with_a_word_of_warning(
    tiny: list[str], sound: np.ndarray, pump_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clips(Path("data/pump"), sound, 10)
    shutil.copy(pump_bundle / "teacher.onnx", "alone.onnx")
    assert run(["distill", "--machine", "pump", "--teacher", "alone.onnx", "--level-normalise", *tiny]) == 0
    assert "alone.onnx: no calibration.json lies beside it" in capsys.readouterr().err
    assert open_bundle(Path("models/pump")).manifest.front_end["level_normalise"] is True


@pytest.mark.parametrize("stage", ["teaching", "distilling"])
def test_ctrl_c_in_the_middle_leaves_the_old_bundle_and_no_other(
    stage: str, sound: np.ndarray, pump_bundle: Path
) -> None:
    shutil.copytree(pump_bundle, "models/pump")
    write_clips(Path("data/pump"), sound, 10)
    before = tree(Path())
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-m", "anomaly", "train", "--machine", "pump"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=theirs, env=environment) as process:
        os.close(theirs)
        shown = ""
        while stage not in shown:
            shown += os.read(ours, 65_536).decode(errors="replace")
        process.send_signal(signal.SIGINT)
        try:
            while piece := os.read(ours, 65_536):
                shown += piece.decode(errors="replace")
        except OSError:
            # The other end of a terminal closes with an error.
            pass
        out, _ = process.communicate(timeout=60)
    os.close(ours)
    assert (process.returncode, out) == (130, b"")
    assert "Traceback" not in shown
    assert tree(Path()) == before


def test_without_the_extra_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['torch'] = None; from anomaly.cli import run;"
        "sys.exit(run(['train', '--machine', 'pump']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "training needs the package torch" in done.stderr
    assert "pip install 'anomaly[train]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--accelerator", "tpu"], 2, "there is no accelerator 'tpu'"),
        (["--accelerator", "cuda"], 6, "finds no CUDA device"),
        (["--max-neurons", "0"], 2, "--max-neurons: is 0"),
        (["--max-synapses", "-3"], 2, "--max-synapses: is -3"),
        (["--max-sop-per-s", "nan"], 2, "--max-sop-per-s: is nan"),
        (["--max-energy", "-1"], 2, "--max-energy: is -1"),
        (["--max-energy", "1", "--energy-calibration", "solar"], 2, "there is no calibration 'solar'"),
        (["--weight-bits", "2"], 2, "2 bits are not within 3 to 8"),
        (["--max-neurons", "20"], 2, "too small for any student: --max-neurons 20"),
        (["--max-sop-per-s", "1"], 2, "too small for any student: --max-sop-per-s 1 (it needs"),
        (["--max-energy", "1e-6"], 2, "too small for any student: --max-energy 1e-06"),
    ],
)
def test_orders_that_cannot_be_met(
    options: list[str],
    code: int,
    words: str,
    sound: np.ndarray,
    tiny: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    write_clips(tmp_path / "data" / "pump", sound, 5)
    assert run(["train", "--machine", "pump", *tiny, *options]) == code
    assert words in capsys.readouterr().err.replace("\n", " ")
    assert not (tmp_path / "models" / "pump").exists()


def test_a_budget_is_kept_and_bits_travel_in_the_bundle(
    sound: np.ndarray, tiny: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clips(tmp_path / "data" / "pump", sound, 5)
    options = ["--weight-bits", "4", "--max-neurons", "300", "--max-sop-per-s", "20000", "--json"]
    assert run(["train", "--machine", "pump", *tiny, *options]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["neurons"] <= 300
    assert result["metrics"]["activity"]["sop_per_s"] <= 20_000
    bundle = open_bundle(tmp_path / "models" / "pump")
    assert bundle.manifest.detectors["student"]["arch"] == "senna-4bit"
    assert b"-7 to +7" in bundle.read("arch.yaml")
