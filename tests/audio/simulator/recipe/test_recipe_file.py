"""Recipes from YAML, and errors with file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

import anomaly.audio.simulator
from anomaly.audio.simulator import load_recipe, recipe_names, simulate
from anomaly.errors import ConfigError, UsageError

PUMP = (Path(anomaly.audio.simulator.__file__).parent / "recipes" / "pump.yaml").read_text(encoding="utf-8")


def test_shipped_machines() -> None:
    assert recipe_names() == ["fan", "gearbox", "pump", "slider", "valve"]
    for name in recipe_names():
        recipe = load_recipe(name)
        assert recipe.machine == name
        assert "stopped" in recipe.speeds_rpm
        assert len([rpm for rpm in recipe.speeds_rpm.values() if rpm > 0]) >= 3


def test_a_recipe_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(PUMP.replace("machine: pump", "machine: my_pump").replace("teeth: 6", "teeth: 5"))
    assert load_recipe(path).machine == "my_pump"
    assert simulate(path, seconds=1.0).samples.std() > 0.0


def test_an_unknown_machine() -> None:
    with pytest.raises(UsageError) as caught:
        load_recipe("toaster")
    assert "fan, gearbox, pump, slider, valve" in str(caught.value.hint)


def line_of(text: str) -> int:
    return PUMP[: PUMP.index(text)].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("wander: 0.002", "wandr: 0.002", "wandr: unknown key"),
        ("vane_depth: 0.25", "vane_dept: 0.25", "sources.2.vane_dept: unknown key"),
        (
            "teeth: 6, harmonics_db: [0, -5, -11, -16]",
            "teeth: six, harmonics_db: [0]",
            "sources.1.teeth: must be",
        ),
        ("unevenness: 0.12", "unevenness: 1.2", "sources.1.unevenness: must be"),
        ("balls: 8, ball_mm: 12.3", "balls: 8, ball_mm: nan", "faults.outer_race.sources.0.ball_mm: must be"),
        ("nominal: high", "nominal: fast", "nominal: 'fast' is no state"),
        ("{state: low, seconds: [20, 60]}", "{state: low, seconds: [60, 20]}", "cycle.3: seconds"),
        (
            "{state: stopped, seconds: [8, 20]}",
            "{state: resting, seconds: [8, 20]}",
            "cycle.2.state: 'resting'",
        ),
        ("kind: hum", "kind: hmm", "sources.3: "),
        ("ramp_s: 3", "ramp_s: [3]", "ramp_s: must be"),
    ],
)
def test_an_invalid_value_is_named_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(PUMP.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        load_recipe(path)
    line = line_of(old)
    assert str(caught.value).startswith((f"{path}:{line}: {message}", f"{path}:{line - 1}: {message}"))
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("path: water, level_db: 0", "path: watr, level_db: 0", "'watr' is no path"),
        ("name: hum, kind: hum", "name: hum, shaft: second, kind: hum", "'second' is no shaft"),
        ("name: cooling", "name: hum", "another source 'hum'"),
        ("stopped: 0, low", "ramp: 0, low", "'ramp' has a meaning"),
        ("paths:", "shafts: {main: {ratio: 2}}\npaths:", "'main' has a meaning"),
        ("machine: pump\n", "", "machine is missing"),
        ("pitch_mm: 52", "pitch_mm: 12", "less than pitch_mm"),
        ("orders: [1, 2, 3]", "orders: [1, 2, 3.3]", "multiples of one half"),
        ("orders: [1, 2, 3]", "orders: [1, 2]", "equally long"),
        ("[80, -8]", "[20, -8]", "must rise"),
        ("  fan:              # the motor's", "  bad: {}\n  fan:  # the motor's", "a shape or modes"),
    ],
)
def test_parts_that_do_not_fit_together(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in PUMP
    path = tmp_path / "bad.yaml"
    path.write_text(PUMP.replace(old, new, 1))
    with pytest.raises(ConfigError, match=message):
        load_recipe(path)


@pytest.mark.parametrize(
    "text", ["", "[]", "word", "a: [", "a: 1\na: 2\n", "a: &x 1\nb: *x\n", "\x00", "[" * 5000]
)
def test_text_that_is_no_recipe(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError):
        load_recipe(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_recipe(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_recipe(tmp_path)
