"""Free space of a disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from anomaly.disk_space import free_bytes


def test_a_folder_that_is_not_made_yet_has_the_space_of_its_parent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def usage(folder: Path) -> tuple[int, int, int]:
        asked.append(folder)
        return shutil._ntuple_diskusage(10, 3, 7)  # type: ignore[attr-defined,no-any-return]

    monkeypatch.setattr(shutil, "disk_usage", usage)
    assert free_bytes(tmp_path / "a" / "b") == 7
    assert asked == [tmp_path]
