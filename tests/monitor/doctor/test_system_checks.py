"""Checks of the computer: packages, disk and clock."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from anomaly.config import Clips, Site
from anomaly.monitor.doctor import system_checks


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(state_dir=tmp_path / "state", models_dir=tmp_path / "models", clips=Clips(free_mib=0))


def test_a_package_that_does_not_load(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(system_checks.CORE, "no-such-package", "no_such_package")
    (result,) = system_checks.packages(site)
    assert result.level == "fail"
    assert (result.remedy, result.exit_code) == ("pip install no-such-package", 3)


@pytest.mark.parametrize(("free_mib", "level"), [(5, "fail"), (150, "warn"), (5000, "ok")])
def test_disk(site: Site, monkeypatch: pytest.MonkeyPatch, free_mib: int, level: str) -> None:
    usage = shutil._ntuple_diskusage(10**12, 0, free_mib * 2**20)  # type: ignore[attr-defined]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert [result.level for result in system_checks.disk(site)] == [level]


def test_a_state_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (result,) = system_checks.disk(Site(state_dir=tmp_path / "file" / "state"))
    assert result.level == "fail"


@pytest.mark.parametrize(("synchronised", "level"), [(True, "ok"), (False, "warn"), (None, "warn")])
def test_clock(monkeypatch: pytest.MonkeyPatch, synchronised: bool | None, level: str) -> None:
    monkeypatch.setattr(system_checks, "_synchronised", lambda: synchronised)
    (result,) = system_checks.clock()
    assert result.level == level


def test_the_kernel_reports_its_clock() -> None:
    assert system_checks._synchronised() in (True, False, None)


def test_detectors_of_packages_are_listed_and_tried(install_detector: Callable[..., Path]) -> None:
    install_detector()
    (result,) = system_checks.detectors()
    assert (result.level, result.message) == ("ok", "student, teacher, deviation")
    install_detector(name="broken", package="broken_detector", source="import package_that_nobody_has\n")
    (result,) = system_checks.detectors()
    assert result.level == "warn"
    assert "package_that_nobody_has" in result.message
