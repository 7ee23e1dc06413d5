"""Block of a text that lists commands to go on with, and the purpose of each."""

from __future__ import annotations

from collections.abc import Sequence


def next_steps(steps: Sequence[tuple[str, str]]) -> list[str]:
    """Return the lines of the block, with an empty line before it; no lines without steps.

    Args:
        steps: command and purpose of each.
    """
    if not steps:
        return []
    width = max(len(command) for command, _ in steps)
    return ["", "Next:", *(f"  {command:<{width}}  {purpose}" for command, purpose in steps)]
