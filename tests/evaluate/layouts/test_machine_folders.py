"""Folders of machines are recognised by their names alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from anomaly.evaluate.layouts.machine_folders import machine_folders


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a.wav"], []),
        (["normal/a.wav", "abnormal/leak/b.wav"], []),
        (["id_00/normal/a.wav", "id_02/normal/b.wav"], []),
        (["monday/a.wav", "tuesday/b.wav"], []),
        (["pump/normal/a.wav"], ["pump"]),
        (["pump/normal/a.wav", "fan/train/b.wav"], ["fan", "pump"]),
        (["pump/a.wav", "fan/b.wav"], ["fan", "pump"]),
    ],
)
def test_machines_below_a_folder(names: list[str], expected: list[str], tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = machine_folders(tmp_path, known=["pump"])
    assert [str(folder.relative_to(tmp_path)) for folder in found] == expected


def test_each_folder_in_a_folder_of_machines_is_one(tmp_path: Path) -> None:
    (tmp_path / "monday").mkdir()
    (tmp_path / "monday" / "a.wav").touch()
    assert machine_folders(tmp_path) == ()
    assert machine_folders(tmp_path, of_machines=True) == (tmp_path / "monday",)
