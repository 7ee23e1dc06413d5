"""Which of the seconds in the monitor's memory its decision took."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from anomaly.store.rows import ScoreRow, StateRow


def operating_filter(rows: Sequence[ScoreRow], changes: Sequence[StateRow]) -> list[ScoreRow]:
    """Rows that the decision took: stops are left out, and ramps that led somewhere.

    Args:
        rows: of one machine.
        changes: of its operating state, oldest first.
    """
    begins = [change.time_s for change in changes]
    states = [change.state for change in changes]
    taken = [
        state != "stopped" and (state != "ramping" or after == "unknown")
        for state, after in zip(states, [*states[1:], ""][: len(states)], strict=True)
    ]
    return [row for row in rows if (k := bisect_right(begins, row.time_s)) == 0 or taken[k - 1]]
