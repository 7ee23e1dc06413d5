"""Examples and statements of docs/chip-repair.md."""

from __future__ import annotations

import doctest
from pathlib import Path

from chip.repairs import REFUSED

PAGE = Path(__file__).parents[3] / "docs" / "chip-repair.md"


def test_example_runs() -> None:
    assert doctest.testfile(str(PAGE), module_relative=False).failed == 0


def test_refused_rules_are_listed() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [rule for rule in REFUSED if f"`{rule}`" not in text] == []
