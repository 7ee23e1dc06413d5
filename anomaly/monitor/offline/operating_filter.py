"""Operating filter: the stored seconds that the decision counted, by stored operating states and the ramp rule."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import compress

from anomaly.detect.operating.ramp import decision_mask
from anomaly.detect.operating.states import OperatingState
from anomaly.detect.operating.tracker import OperatingResult
from anomaly.store.database.rows import ScoreRow, StateRow
from anomaly.store.state_kinds import RAMP_COUNTED, StateKind
from anomaly.store.store import Store

_NOT_COUNTED = (OperatingState.STOPPED, OperatingState.RAMPING)


def operating_filter(
    store: Store, machine: str, rows: Sequence[ScoreRow], *, end_counts: bool = True
) -> list[ScoreRow]:
    """Return the rows that the decision counted: without stops, and without ramps that led to another state.

    Args:
        store: where operating states and counted ramps are.
        machine: its name.
        rows: of that machine, in the order of time.
        end_counts: whether a possible ramp at the end counts, see `decision_mask`.
    """
    operating = store.time_series.states(machine, StateKind.OPERATING)
    ramps = store.time_series.states(machine, StateKind.RAMP)
    results = stored_results(rows, operating, ramps)
    if rows and (after := _after(operating, rows[-1].time_s)):
        # The state after the last row is stored: it shows whether a ramp at the end counted.
        end_counts = after == OperatingState.UNKNOWN or _state_at(ramps, rows[-1].time_s) == RAMP_COUNTED
    return list(compress(rows, decision_mask(results, end_counts=end_counts)))


def stored_results(
    rows: Sequence[ScoreRow], operating: Sequence[StateRow], ramps: Sequence[StateRow]
) -> list[OperatingResult]:
    """Rebuild the operating result of stored seconds.

    Args:
        rows: of one machine, in the order of time.
        operating: its changes of operating state, oldest first.
        ramps: its states of the kind `StateKind.RAMP`, oldest first. Older monitors stored none: there a ramp counts
            if an unknown state follows it.
    """
    results: list[OperatingResult] = []
    held = 0
    counted = False
    for row in rows:
        state = OperatingState(_state_at(operating, row.time_s) or OperatingState.UNKNOWN)
        if state is OperatingState.RAMPING:
            held += 1
            counted = _state_at(ramps, row.time_s) == RAMP_COUNTED
            results.append(OperatingResult(state, counts=False))
            continue
        late = held if counted or state is OperatingState.UNKNOWN else 0
        results.append(OperatingResult(state, counts=state not in _NOT_COUNTED, late=late))
        held, counted = 0, False
    return results


def _state_at(changes: Sequence[StateRow], time_s: float) -> str:
    """Return the state at a UNIX time; "" before the first change."""
    position = bisect_right(changes, time_s, key=lambda change: change.time_s)
    return changes[position - 1].state if position else ""


def _after(changes: Sequence[StateRow], time_s: float) -> str:
    """Return the state after the one at a UNIX time; "" if none is stored."""
    position = bisect_right(changes, time_s, key=lambda change: change.time_s)
    return changes[position].state if position < len(changes) else ""
