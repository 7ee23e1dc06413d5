"""Errors of every chip command for an unusable file: exit 5 for a bitstream, 4 for a network, 3 for a chip."""

from __future__ import annotations

from pathlib import Path

import pytest

from anomaly.cli import run

COMMANDS = ("check", "compile", "simulate", "report", "decode", "convert")


def _run(command: str, file: Path, out: Path, *words: str) -> int:
    more = [str(out / "out.npz")] if command == "convert" else []
    if command == "compile":
        more = ["--out", str(out / "compiled")]
    return run(["chip", command, str(file), *more, *words])


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("name", "content", "code", "words"),
    [
        ("missing.bit", None, 5, "cannot be read: No such file"),
        ("damaged.bit", b"no bitstream", 5, "header"),
        ("missing.npz", None, 4, "cannot be read: No such file"),
        ("damaged.npz", b"no network", 4, "not a whole NPZ"),
        ("missing.json", None, 4, "cannot be read: No such file"),
        ("damaged.json", b"no network", 4, "not JSON"),
        ("missing.nir", None, 4, "cannot be read: No such file"),
        ("damaged.nir", b"no network", 4, "not a whole HDF5 file"),
        ("picture.jpg", b"", 4, "unknown suffix '.jpg'"),
    ],
)
def test_unusable_file_is_reported(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    name: str,
    content: bytes | None,
    code: int,
    words: str,
) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    assert _run(command, file, tmp_path) == code
    shown = capsys.readouterr()
    assert f"error: {file}: " in shown.err
    assert words in shown.err
    assert shown.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ([name] if content is not None else [])


@pytest.mark.parametrize("command", COMMANDS)
def test_unknown_chip_is_reported(
    tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert _run(command, file, tmp_path, "--arch", "nowhere.yaml") == 3
    assert "nowhere.yaml" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["network.npz"]


def test_bitstreams_to_compare_are_named(
    tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["chip", "compile", str(file), "--out", str(tmp_path)]) == 0
    bitstream = str(tmp_path / "network.bit")
    capsys.readouterr()
    assert run(["chip", "decode", bitstream, "--against", str(tmp_path / "missing")]) == 5
    assert "missing: cannot be read" in capsys.readouterr().err
    assert run(["chip", "decode", bitstream, "--against", str(file)]) == 5
    assert f"error: {file}: header" in capsys.readouterr().err
    assert run(["chip", "decode", bitstream, "--against", bitstream, "--out", str(tmp_path / "out")]) == 2
    assert "--out: has no effect with --against" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_input_network_is_not_overwritten(
    tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["chip", "compile", str(file), "--out", str(tmp_path)]) == 0
    before = {name: (tmp_path / name).read_bytes() for name in ("network.npz", "network.bit")}
    assert run(["chip", "decode", str(file), "--out", str(tmp_path)]) == 2
    assert run(["chip", "compile", str(tmp_path / "network.bit"), "--seed", "9", "--out", str(tmp_path)]) == 2
    assert "--out: " in capsys.readouterr().err
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
