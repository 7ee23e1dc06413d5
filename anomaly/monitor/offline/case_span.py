"""Time span of a case, with the seconds before its opening in which its sound began."""

from __future__ import annotations

from dataclasses import dataclass

from anomaly.store.cases.case import Case, unix_s

# The CUSUM needs several seconds to pass its limit, and more in a slow fault: a case opens after its sound began.
LEAD_S = 30.0


@dataclass(frozen=True)
class CaseSpan:
    """Times of a case in UNIX seconds.

    Args:
        begin_s: `LEAD_S` before the opening.
        opened_s: of the opening.
        end_s: of the return to normal or the closing.
    """

    begin_s: float
    opened_s: float
    end_s: float

    def contains(self, time_s: float) -> bool:
        """Return whether a UNIX time lies in the span, its lead included."""
        return self.begin_s <= time_s <= self.end_s


def case_span(case: Case, now_s: float) -> CaseSpan:
    """Return the span of a case; an open case ends now."""
    opened_s = unix_s(case.opened_at)
    end = case.returned_at or case.closed_at
    return CaseSpan(opened_s - LEAD_S, opened_s, now_s if end is None else unix_s(end))
