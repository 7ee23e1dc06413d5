"""Folders come from the option, else the environment, else the current directory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from anomaly import workspace
from anomaly.errors import ConfigError


@pytest.mark.parametrize(
    ("folder", "variable", "default"),
    [
        (workspace.data_dir, "ANOMALY_DATA", "data"),
        (workspace.models_dir, "ANOMALY_MODELS", "models"),
        (workspace.state_dir, "ANOMALY_STATE", "state"),
    ],
)
def test_option_wins_over_environment_over_default(
    folder: Callable[..., Path], variable: str, default: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(variable, raising=False)
    assert folder() == Path(default)
    monkeypatch.setenv(variable, "/elsewhere")
    assert folder() == Path("/elsewhere")
    assert folder(Path("given")) == Path("given")


@pytest.mark.parametrize("name", ["pump", "Pump-3", "pump.old_2", "7"])
def test_machine_names(name: str) -> None:
    assert workspace.machine_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "../a", "a b", "ä", "a\n", "x" * 65])
def test_no_machine_names(name: str) -> None:
    with pytest.raises(ConfigError, match="is no machine name"):
        workspace.machine_name(name)


def make(models: Path, *names: str) -> None:
    for name in names:
        (models / name).mkdir(parents=True)
        (models / name / "bundle.json").write_text("{}")


def test_only_bundles_count(tmp_path: Path) -> None:
    make(tmp_path, "pump", "fan", ".pump.new.x1")
    (tmp_path / "notes").mkdir()
    assert workspace.machines(tmp_path) == ["fan", "pump"]
    assert workspace.machines(tmp_path / "missing") == []


def test_the_only_machine_needs_no_name(tmp_path: Path) -> None:
    make(tmp_path, "pump")
    assert workspace.choose_machine(tmp_path, None) == "pump"
    assert workspace.choose_machine(tmp_path, "pump") == "pump"


def test_the_shipped_example_is_not_chosen_by_chance(tmp_path: Path) -> None:
    for name in ("pump", workspace.EXAMPLE):
        (tmp_path / name).mkdir()
        (tmp_path / name / "bundle.json").write_text("{}")
    assert workspace.choose_machine(tmp_path, None) == "pump"
    assert workspace.choose_machine(tmp_path, workspace.EXAMPLE) == workspace.EXAMPLE


@pytest.mark.parametrize(
    ("there", "asked", "words", "hint"),
    [
        ((), None, "say which machine", "bundles here: none"),
        (("fan", "pump"), None, "say which machine", "bundles here: fan, pump"),
        (("example-pump",), None, "say which machine", "bundles here: example-pump"),
        (("pump",), "fan", "no bundle for machine 'fan'", "anomaly train --machine fan"),
        (("pump",), "../pump", "is no machine name", "letters"),
    ],
)
def test_a_choice_that_cannot_be_made(
    tmp_path: Path, there: tuple[str, ...], asked: str | None, words: str, hint: str
) -> None:
    make(tmp_path, *there)
    with pytest.raises(ConfigError, match=words) as caught:
        workspace.choose_machine(tmp_path, asked)
    assert caught.value.hint is not None
    assert hint in caught.value.hint
