"""Folders that `calibrate`, `feedback` and `replay` cannot use."""

from __future__ import annotations

from pathlib import Path

import pytest

from anomaly.cli import run


@pytest.mark.parametrize("command", ["calibrate --list", "calibrate --revert 0", "replay"])
def test_a_file_is_no_folder_of_the_database(
    tmp_path: Path, pump_bundle: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    (tmp_path / "file").touch()
    options = ["--machine", "pump", "--models", str(pump_bundle.parent), "--state", str(tmp_path / "file")]
    assert run([*command.split(), *options]) == 3
    assert f"error: {tmp_path / 'file'}: is no folder" in capsys.readouterr().err
