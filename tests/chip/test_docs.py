"""Examples and statements of docs/chip.md and docs/bitstream.md."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

import chip
import chip.builder
from chip.arch import ArchSpec
from chip.bitstream.fields import FrameKind, Layout
from chip.rules import RULES
from chip.run_cost import cost

DOCS = Path(__file__).parents[2] / "docs"


def test_examples_run() -> None:
    assert doctest.testfile(str(DOCS / "chip.md"), module_relative=False).failed == 0
    for module in (chip, chip.builder):
        result = doctest.testmod(module)
        assert (result.failed, result.attempted > 0) == (0, True)


def test_every_rule_is_described() -> None:
    text = (DOCS / "chip.md").read_text(encoding="utf-8")
    assert [rule.__name__ for rule in RULES if f"`{rule.__name__}`" not in text] == []


def test_stated_sizes(senna: ArchSpec) -> None:
    layout = Layout.of(senna)
    sizes = {kind.name: layout.payload_bytes(kind) for kind in FrameKind}
    assert sizes == {"ARRAY": 12, "CELL": 46, "OUTPUT": 2, "INPUT": 1, "SEGMENT": 32}
    framed = {name: size + 14 for name, size in sizes.items()}
    whole = [1 * framed["ARRAY"], 1024 * framed["CELL"], 64 * framed["OUTPUT"], 128 * framed["INPUT"]]
    assert 52 + sum(whole) + 2112 * framed["SEGMENT"] == 161_614


def test_table_of_energies(senna: ArchSpec) -> None:
    joules = [energy.joule for energy in cost(senna, 4, 1000, 0, 0.032).energies]
    assert joules == pytest.approx([0.69e-9, 736e-6, 736e-6, 0.69e-9, 3.7e-9, 736e-6], rel=0.01)
