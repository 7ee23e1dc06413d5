"""Files of facts, and their errors with line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from anomaly.config.facts.bearing_types import TYPES, bearing_type
from anomaly.config.facts.facts_file import load_facts
from anomaly.config.facts.rotating_facts import BearingFacts, RotatingFacts, WheelFacts
from anomaly.errors import ConfigError


def written(folder: Path, text: str) -> Path:
    path = folder / "facts.yaml"
    path.write_text(text)
    return path


def test_short_and_long_forms_are_read(tmp_path: Path) -> None:
    """A type alone, a wheel by its number, one thing where a list is meant, and keys below ``facts:``."""
    text = (
        "facts:\n  speed_rpm: [1400, 1500]\n  bearings: 6205-2RS\n  gears: [21, {count: 67, ratio: 0.313}]\n"
    )
    facts = load_facts(written(tmp_path, text))
    assert facts.range_hz == pytest.approx((1400 / 60, 25))
    assert facts.stated_hz is None
    assert facts.bearings == (BearingFacts(type="6205-2RS"),)
    assert facts.gears == (WheelFacts(count=21), WheelFacts(count=67, ratio=0.313))


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("bearings: [6299]", "2: bearings.0", "unknown bearing type '6299' (did you mean"),
        ("bearings: [{balls: 9, ball_mm: 50, pitch_mm: 39}]", "ball_mm", "less than pitch_mm"),
        ("bearings: [{balls: 40, ball_mm: 8, pitch_mm: 39}]", "balls", "do not fit on a circle"),
        ("bearings: [{balls: 9}]", "bearings.0", "ball_mm, pitch_mm missing"),
        ("bearings: [{type: 6205, balls: 9}]", "balls", "type or geometry, not both"),
        ("bearing: 6205", "2: bearing", "did you mean bearings?"),
        ("speed_rpm: [3000, 100]", "speed_rpm", "lowest speed must stand first"),
        ("speed_rpm: -5", "speed_rpm", "greater than 0"),
        ("poles: 3", "poles", "multiple of 2"),
    ],
)
def test_errors_name_line_and_key(tmp_path: Path, text: str, where: str, words: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_facts(written(tmp_path, f"mains_hz: 50\n{text}\n"))
    assert where in str(error.value)
    assert words in str(error.value)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must hold keys"):
        load_facts(written(tmp_path, ""))


def test_orders_of_the_drive_end_bearing_are_those_of_its_maker() -> None:
    """Figures of the data's source: 5.4152, 3.5848, 4.7135 and 0.39828 per turn."""
    orders = bearing_type("6205-2RS JEM SKF").geometry.orders
    expected = {"inner-race": 5.4152, "outer-race": 3.5848, "ball": 4.7135, "cage": 0.39828}
    assert orders == pytest.approx(expected, rel=1e-3)


def test_every_type_is_possible_and_has_a_source() -> None:
    for name, found in TYPES.items():
        geometry = found.geometry
        RotatingFacts.model_validate(
            {
                "bearings": {
                    "balls": geometry.balls,
                    "ball_mm": geometry.ball_mm,
                    "pitch_mm": geometry.pitch_mm,
                }
            }
        )
        assert found.source, name
        assert bearing_type(name.lower()) is found
