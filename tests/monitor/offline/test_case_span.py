"""Time span of a case."""

from __future__ import annotations

from anomaly.monitor.offline.case_span import LEAD_S, case_span
from anomaly.store.cases.case import Case, iso_utc

BEGIN_S = 1_800_000_000.0
NOW_S = BEGIN_S + 500.0


def test_an_open_case_ends_now() -> None:
    span = case_span(Case("pump", "machine", iso_utc(BEGIN_S), "it rattles"), NOW_S)
    assert (span.begin_s, span.opened_s, span.end_s) == (BEGIN_S - LEAD_S, BEGIN_S, NOW_S)
    assert span.contains(BEGIN_S - LEAD_S)
    assert not span.contains(NOW_S + 1)


def test_a_case_ends_with_the_return_to_normal() -> None:
    returned, closed = iso_utc(BEGIN_S + 20), iso_utc(BEGIN_S + 60)
    case = Case("pump", "machine", iso_utc(BEGIN_S), "it rattles", returned_at=returned, closed_at=closed)
    assert case_span(case, NOW_S).end_s == BEGIN_S + 20
