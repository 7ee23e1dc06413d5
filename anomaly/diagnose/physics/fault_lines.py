"""Frequencies at which the parts of a machine show damage, in orders of its main shaft."""

from __future__ import annotations

from dataclasses import dataclass

from anomaly.config.facts.rotating_facts import RotatingFacts

_PARTS = {
    "inner-race": "the inner race",
    "outer-race": "the outer race",
    "ball": "a rolling element",
    "cage": "the cage",
}


@dataclass(frozen=True)
class FaultLine:
    """Fundamental frequency of one cause.

    Args:
        family: of `anomaly.fault_families`.
        order: impacts or waves per turn of the main shaft.
        part: what causes it, for a sentence.
        group: lines of one bearing share a group, and compete.
    """

    family: str
    order: float
    part: str
    group: int = 0


def bearing_lines(facts: RotatingFacts) -> list[FaultLine]:
    """Return the characteristic frequencies of all bearings."""
    lines = []
    for number, bearing in enumerate(facts.bearings):
        for family, order in bearing.geometry.orders.items():
            part = f"{_PARTS[family]} of {_named(bearing.label)}"
            lines.append(FaultLine(family, order * bearing.ratio, part, number))
    return lines


def _named(label: str) -> str:
    return label if label.startswith("the ") else f"the {label}"
