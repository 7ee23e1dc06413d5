"""Families of causes that a case can have: the names by which diagnosis and people call them.

Diagnosis suggests a family; ``anomaly cases close --finding`` records the one that was found.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from anomaly.errors import UsageError

FAMILIES: Mapping[str, str] = MappingProxyType(
    {
        "inner-race": "damage of a bearing's inner ring",
        "outer-race": "damage of a bearing's outer ring",
        "ball": "damage of a rolling element",
        "cage": "damage of a bearing's cage",
        "gear": "damage or wear of a gear",
        "unbalance": "unbalance of a rotor",
        "misalignment": "misalignment of coupled shafts",
        "looseness": "a loose part or foundation",
        "blade": "damage or fouling of blades or vanes",
        "electrical": "a fault of the motor's windings, rotor bars or supply",
    }
)
"""Families with what each means, in the order of the documentation."""

OTHER, NONE = "other", "none"
FINDINGS: Mapping[str, str] = MappingProxyType(
    {**FAMILIES, OTHER: "another cause, named in the note", NONE: "nothing was found"}
)
"""Findings with which a case can be closed."""


def checked_finding(name: str) -> str:
    """Return a finding in its usual spelling.

    Raises:
        UsageError: there is no such finding; the hint lists them.
    """
    found = name.strip().lower().replace("_", "-").replace(" ", "-")
    if found not in FINDINGS:
        raise UsageError(f"{name!r} is no finding", hint=f"findings: {', '.join(FINDINGS)}")
    return found
