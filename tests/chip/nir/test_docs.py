"""Examples and statements of docs/nir.md."""

from __future__ import annotations

import doctest
from pathlib import Path

from chip.nir.graph import KNOWN

PAGE = Path(__file__).parents[3] / "docs" / "nir.md"


def test_example_runs() -> None:
    assert doctest.testfile(str(PAGE), module_relative=False).failed == 0


def test_every_node_is_described() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [kind for kind in KNOWN if f"`{kind}`" not in text] == []
