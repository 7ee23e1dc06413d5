"""Examination: all checks in order, a remedy for each failure, and nothing is changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from anomaly.monitor.doctor import CheckResult, examine


def by_check(found: list[CheckResult]) -> dict[str, CheckResult]:
    return {result.check: result for result in found}


def test_all_checks_in_an_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_inputs: None
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    for name in ("ANOMALY_CONFIG", "ANOMALY_STATE", "ANOMALY_MODELS"):
        monkeypatch.delenv(name, raising=False)
    found = by_check(list(examine()))
    assert {name: found[name].level for name in ("python.version", "site.config", "python.packages")} == {
        "python.version": "ok",
        "site.config": "ok",
        "python.packages": "ok",
    }
    assert (found["site.bundles"].level, found["site.bundles"].exit_code) == ("fail", 3)
    assert "models: there is no such folder" in found["site.bundles"].message
    assert "anomaly train" in found["site.bundles"].remedy
    assert found["sound.inputs"].level == "warn"
    assert found["site.database"].level == "ok"
    assert all(result.remedy for result in found.values() if result.level == "fail")
    assert list(here.iterdir()) == []


def test_a_mistake_in_the_site_file_does_not_hide_the_rest(tmp_path: Path, no_inputs: None) -> None:
    path = tmp_path / "site.yaml"
    path.write_text("machine: {}\n")
    found = by_check(list(examine(path, state=tmp_path / "state", models=tmp_path / "models")))
    assert found["site.config"].level == "fail"
    assert "site.yaml:1" in found["site.config"].message
    assert "anomaly config check" in found["site.config"].remedy
    assert found["python.packages"].level == "ok"
    assert "disk.state" in found


def test_checks_come_in_the_order_of_repair(
    tmp_path: Path, no_inputs: None, until: Callable[..., None]
) -> None:
    names = [f.check.partition(".")[0] for f in examine(state=tmp_path, models=tmp_path)]
    assert names[:3] == ["python", "site", "python"]
