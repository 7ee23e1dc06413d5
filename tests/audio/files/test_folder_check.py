"""Faults of a folder and of each of its files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from anomaly.audio.files.file_check import MachineReference, check_file, role_of
from anomaly.audio.files.folder_check import check_folder
from anomaly.audio.files.format_reference import FormatReference
from anomaly.audio.resample import resample
from anomaly.audio.sensor.reference import fit_reference
from anomaly.errors import InputError


def sound(
    path: Path, seconds: float = 10.0, rate_hz: int = 16_000, seed: int = 0, level: float = 0.05
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    x = level * np.random.default_rng(seed).standard_normal(round(seconds * rate_hz))
    soundfile.write(path, np.clip(x, -1, 1), rate_hz)
    return path


def test_a_good_folder(tmp_path: Path) -> None:
    for number in range(4):
        sound(tmp_path / f"normal/{number}.wav", seed=number)
    report = check_folder(tmp_path)
    assert report.training_s == 40
    assert (report.refusals, report.warnings) == ((), ())
    assert {file.status for file in report.files} == {"ok"}
    assert report.files[0].level_dbfs == pytest.approx(-26, abs=0.2)


def test_one_second_clips_are_valid(tmp_path: Path) -> None:
    for number in range(30):
        sound(tmp_path / f"{number}.wav", seconds=1, seed=number)
    assert check_folder(tmp_path).refusals == ()


def test_too_little_sound_is_refused(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav", seconds=29.9)
    assert "29.9 s of usable normal sound; training needs 30 s" in check_folder(tmp_path).refusals[0]


def test_test_and_abnormal_sound_do_not_count(tmp_path: Path) -> None:
    for number, name in enumerate(
        ("train/normal_a", "train/normal_b", "test/normal_c", "test/anomaly_d", "abnormal/e")
    ):
        sound(tmp_path / f"{name}.wav", seconds=12, seed=number)
    report = check_folder(tmp_path)
    assert report.training_s == 24
    assert [file.role for file in report.files] == ["abnormal", "abnormal", "test", "train", "train"]


def test_an_empty_folder(tmp_path: Path) -> None:
    assert check_folder(tmp_path).refusals == ("there is no recording here",)
    with pytest.raises(InputError):
        check_folder(tmp_path / "no")


def test_each_fault_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a_empty.wav").touch()
    (tmp_path / "b_text.wav").write_text("text")
    sound(tmp_path / "c_short.wav", seconds=0.5)
    sound(tmp_path / "d_silent.wav", level=0)
    sound(tmp_path / "e_loud.wav", level=2.0)
    soundfile.write(tmp_path / "f_constant.wav", np.full(48_000, 0.5), 16_000)
    soundfile.write(
        tmp_path / "g_offset.wav", 0.3 + 0.01 * np.random.default_rng(0).standard_normal(48_000), 16_000
    )
    soundfile.write(tmp_path / "h_nan.wav", np.full(48_000, np.nan), 16_000, subtype="FLOAT")
    sound(tmp_path / "i.wav", seed=7)
    sound(tmp_path / "j_copy.wav", seed=7)
    sound(tmp_path / "k_rate.wav", rate_hz=44_100, seed=8)
    cut = sound(tmp_path / "l_cut.wav", seed=9)
    cut.write_bytes(cut.read_bytes()[:-100_000])
    report = check_folder(tmp_path)
    statuses = {file.path.stem: file.status for file in report.files}
    assert statuses == {
        "a_empty": "unreadable",
        "b_text": "unreadable",
        "c_short": "too-short",
        "d_silent": "silent",
        "e_loud": "clipping",
        "f_constant": "constant",
        "g_offset": "dc-offset",
        "h_nan": "unreadable",
        "i": "ok",
        "j_copy": "duplicate",
        "k_rate": "ok",
        "l_cut": "truncated",
    }
    problems = {file.path.stem: file.problem for file in report.files}
    assert "3.12 s more than there is" in str(problems["l_cut"])
    assert "is the same sound as" in str(problems["j_copy"])
    assert all(problems[name] for name, status in statuses.items() if status != "ok")
    assert "recordings that cannot be read, and are left out: 3" in report.warnings
    assert report.refusals == ()
    assert "mixed sample rates: 16000, 44100" in report.warnings
    json.dumps(report.as_json(), allow_nan=False)


def test_the_same_sound_in_train_and_test_is_reported(tmp_path: Path) -> None:
    sound(tmp_path / "train/normal_a.wav", seed=1)
    sound(tmp_path / "test/normal_b.wav", seed=1)
    assert any("both learnt from and tested on" in warning for warning in check_folder(tmp_path).warnings)


def test_a_bad_second_in_twenty_is_no_fault(tmp_path: Path) -> None:
    x = 0.05 * np.random.default_rng(0).standard_normal(20 * 16_000)
    x[:16_000] = 0
    soundfile.write(tmp_path / "a.wav", x, 16_000)
    assert check_file(tmp_path / "a.wav").status == "ok"


def test_a_missing_channel_is_unreadable(tmp_path: Path) -> None:
    assert "no channel 3" in str(check_file(sound(tmp_path / "a.wav"), channel=3).problem)


def test_progress(tmp_path: Path) -> None:
    for number in range(3):
        sound(tmp_path / f"{number}.wav", seconds=1, seed=number)
    steps: list[tuple[int, int]] = []
    check_folder(tmp_path, on_file=lambda done, of: steps.append((done, of)))
    assert steps == [(0, 3), (1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("a.wav", "train"),
        ("normal/a.wav", "train"),
        ("train/normal_id_00.wav", "train"),
        ("test/normal_id_00.wav", "test"),
        ("test/anomaly_id_00.wav", "abnormal"),
        ("Abnormal/a.wav", "abnormal"),
    ],
)
def test_roles(name: str, role: str) -> None:
    assert role_of(Path("/data/pump") / name, Path("/data/pump")) == role


def test_the_microphone_is_judged_without_a_reference(tmp_path: Path) -> None:
    seconds = np.arange(10 * 16_000) / 16_000
    soundfile.write(tmp_path / "hum.wav", 0.1 * np.sin(2 * np.pi * 50 * seconds), 16_000)
    quiet = 1e-4 * np.random.default_rng(0).standard_normal(10 * 16_000)
    soundfile.write(tmp_path / "quiet.wav", quiet / 2, 16_000, subtype="FLOAT")
    reports = {file.path.stem: file for file in check_folder(tmp_path).files}
    assert reports["hum"].status == "hum"
    assert reports["quiet"].status == "low-level"
    assert "is far too quiet in 10 of 10 s" in str(reports["quiet"].problem)
    assert reports["quiet"].sensor_seconds == {"low-level": 10}


def test_only_whole_seconds_are_judged(tmp_path: Path) -> None:
    short = check_file(sound(tmp_path / "short.wav", seconds=0.5))
    assert (short.status, short.sensor_seconds) == ("too-short", {})
    assert check_file(sound(tmp_path / "long.wav", seconds=2.5)).sensor_seconds == {"ok": 2}


def test_the_microphone_and_the_format_are_compared_with_training(tmp_path: Path) -> None:
    x = 0.05 * np.random.default_rng(0).standard_normal(40 * 16_000).astype(np.float32)
    sensor = fit_reference([x])
    formats = FormatReference((16_000,), (1,), ("PCM",), -27.0, -25.0)
    reference = MachineReference("models/pump", sensor, formats)
    soundfile.write(tmp_path / "same.wav", x, 16_000)
    soundfile.write(tmp_path / "louder.wav", 4 * x, 16_000)
    soundfile.write(tmp_path / "narrow.wav", resample(x, 16_000, 8_000), 8_000)
    report = check_folder(tmp_path, reference=reference)
    found = {file.path.stem: (file.status, file.format) for file in report.files}
    assert found["same"] == ("ok", None)
    assert found["louder"] == ("gain", "-14.0 dBFS (training -27.0 to -25.0)")
    assert found["narrow"][0] == "band-limit"
    assert "8 kHz (training 16 kHz)" in str(found["narrow"][1])
    assert report.reference == "models/pump"
    assert "recordings in another format than those of training: 2" in report.warnings
    assert report.as_json()["sensor"]["seconds"]["gain"] == 40


def test_a_dead_channel_under_the_mean_is_named(tmp_path: Path) -> None:
    x = 0.05 * np.random.default_rng(0).standard_normal(10 * 16_000)
    soundfile.write(tmp_path / "a.wav", np.stack([x, 0 * x], axis=1), 16_000)
    report = check_file(tmp_path / "a.wav")
    assert report.status == "dead-channel"
    assert report.problem == "has no sound in channel 1 of 2, counted from 0: the mean loses 6 dB"
    assert check_file(tmp_path / "a.wav", channel=0).status == "ok"


def test_integers_in_a_float_file_are_named(tmp_path: Path) -> None:
    x = 5_000 * np.random.default_rng(0).standard_normal(16_000)
    soundfile.write(tmp_path / "a.wav", x, 16_000, subtype="FLOAT")
    assert "integers of 16 bits in a float file? divide by 32768" in str(
        check_file(tmp_path / "a.wav").problem
    )
