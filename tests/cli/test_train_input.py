"""`anomaly train` with recordings or words that cannot be used: an error that names them, and nothing changed."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from anomaly.cli import run
from support.clips import RATE_HZ, tree, write_clips

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


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
        (short, "data/pump", "holds 20.0 s of usable normal sound, 10.0 s too little"),
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
    assert f"{where}: " in shown.err
    assert words in shown.err
    assert "Traceback" not in shown.err
    assert tree(Path()) == before


@pytest.mark.parametrize(
    ("spoil", "name", "words"),
    [
        (empty_file, "normal_99.wav", "is empty"),
        (truncated, "normal_01.wav", "is cut short"),
        (text, "normal_01.wav", "is not a recording that can be read"),
        (not_a_number, "normal_99.wav", "not sound (nan at 0.006 s)"),
    ],
)
def test_strict_stops_at_the_first_bad_file(
    spoil: Callable[[Path, np.ndarray], None],
    name: str,
    words: str,
    sound: np.ndarray,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_clips(Path("data/pump"), sound, 10)
    spoil(Path("data/pump"), sound)
    assert run(["train", "--machine", "pump", "--strict"]) == 4
    shown = capsys.readouterr()
    error = next(line for line in shown.err.splitlines() if not line.startswith("reading: "))
    assert f"{name}: " in error
    assert words in shown.err
    assert not Path("models/pump").exists()


def test_where_bad_files_leave_too_little_all_are_named(
    sound: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Path("data/pump")
    write_clips(data, sound, 10)
    for path in sorted(data.iterdir())[2:]:
        path.write_text("no sound")
    not_a_number(data, sound)
    assert run(["train", "--machine", "pump"]) == 4
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("reading: ")]
    assert [line.split(": ")[0] for line in lines[:3]] == ["left out"] * 3
    assert "normal_99.wav: holds samples that are not sound" in lines[2]
    assert "holds 20.0 s of usable normal sound" in lines[3]


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
