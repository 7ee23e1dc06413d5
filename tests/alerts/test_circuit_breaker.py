"""Circuit breaker: opens after failures in a row, lets one try pass at growing intervals, closes on success."""

from __future__ import annotations

import random

from anomaly.alerts.circuit_breaker import LONGEST_OPEN_S, OPENS_AFTER, CircuitBreaker


def breaker(first_s: float = 1.0, longest_s: float = 3600.0) -> CircuitBreaker:
    return CircuitBreaker(first_s, longest_s, random.Random(1))


def wait_s(opened: CircuitBreaker, now_s: float) -> float:
    """Seconds until a try is allowed."""
    waited = 0.0
    while not opened.allows(now_s + waited):
        waited += 0.01
    return waited


def test_it_opens_after_failures_in_a_row() -> None:
    one = breaker()
    assert [one.failed(100.0) for _ in range(OPENS_AFTER)] == [False] * (OPENS_AFTER - 1) + [True]
    assert one.is_open
    assert not one.allows(100.0)


def test_a_success_between_failures_keeps_it_closed() -> None:
    one = breaker()
    for _ in range(10):
        one.failed(100.0)
        assert one.succeeded() is False
    assert one.allows(100.0)


def test_waits_grow_up_to_a_minute() -> None:
    one, waits = breaker(), []
    now_s = 100.0
    for number in range(OPENS_AFTER + 12):
        opened = one.failed(now_s)
        assert opened is (number == OPENS_AFTER - 1)
        if one.is_open:
            waits.append(wait_s(one, now_s))
            now_s += waits[-1]
    assert all(
        0.5 * min(2.0**k, LONGEST_OPEN_S) <= w <= min(2.0**k, LONGEST_OPEN_S) + 0.02
        for k, w in enumerate(waits)
    )
    assert one.succeeded() is True
    assert one.allows(now_s)
    assert one.failed(now_s) is False


def test_a_requested_wait_opens_it_at_once() -> None:
    one = breaker()
    assert one.failed(100.0, 900.0) is True
    assert not one.allows(999.0)
    assert one.allows(1000.0)


def test_a_clock_that_was_set_back_does_not_keep_it_open() -> None:
    one = breaker()
    one.failed(1_000_000.0, 900.0)
    assert one.allows(500_000.0)
