"""OK, WATCH and ALARM: the budget of false alarms is kept, and states do not flicker."""

from __future__ import annotations

import doctest
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly.detect import decision as module
from anomaly.detect.decision import (
    LARGEST_SINGLE_SECOND_SUM,
    REFERENCE,
    Decision,
    Limit,
    Policy,
    State,
    highest_sum,
    limit_for,
    surprise,
)
from anomaly.errors import ConfigError


def test_the_examples_in_the_documentation() -> None:
    assert doctest.testmod(module).failed == 0


def passage_times(limit: float, chains: int, seed: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Seconds until the CUSUM of independent uniform probabilities passes a limit, from 0, of many chains."""
    random = np.random.default_rng(seed)
    total, times = np.zeros(chains), np.zeros(chains)
    alive = np.ones(chains, dtype=bool)
    step = 0
    while alive.any():
        step += 1
        x = np.minimum(random.exponential(1.0, int(alive.sum())), 6.0)
        total[alive] = np.maximum(0.0, total[alive] + x - REFERENCE)
        passed = alive & (total >= limit)
        times[passed] = step
        alive &= ~passed
    return times


@pytest.mark.parametrize("per_day", [1000.0, 100.0])
def test_the_limit_keeps_the_budget(per_day: float) -> None:
    times = passage_times(limit_for(per_day, 0.0).value, 3000, seed=1)
    # Times are nearly exponential: the mean of 3000 is known within 2 %.
    assert times.mean() == pytest.approx(86_400 / per_day, rel=0.07)


def test_the_decision_keeps_the_budget() -> None:
    decision = Decision(limit_for(300.0, 0.0))
    onsets, before = 0, State.OK
    for p in np.random.default_rng(2).uniform(size=300_000):
        state = decision.update(float(p))
        onsets += state is State.ALARM and before is not State.ALARM
        before = state
    # About a thousand alarms; while one lasts there can be no other, which makes them a little rarer.
    assert 300 * 0.8 < onsets / (300_000 / 86_400) < 300 * 1.08


@pytest.mark.parametrize(
    ("per_day", "limit"), [(1000.0, 2.0617), (24.0, 4.7458), (1.0, 7.0352), (0.01, 10.5263)]
)
def test_the_limit_is_the_root_of_the_chain_of_brook_and_evans(per_day: float, limit: float) -> None:
    """Roots for 200 cells by Brent's method; the limit is at most a thousandth above."""
    found = limit_for(per_day, 0.0).from_theory
    assert limit - 1e-4 <= found <= limit + 1e-3
    assert module._mean_time(found) >= 86_400 / per_day > module._mean_time(found - 1e-3)


def test_a_smaller_budget_is_a_higher_limit() -> None:
    values = [limit_for(per_day, 0.0).value for per_day in (86_400, 1000, 24, 1, 0.01, 1e-4)]
    assert values == sorted(values)
    # The tail of the CUSUM falls by a factor in each step: ten times fewer alarms, the same addition.
    assert values[-2] - values[-3] == pytest.approx(values[-1] - values[-2], rel=0.15)


def test_held_out_sound_can_only_raise_the_limit() -> None:
    theory = limit_for(1.0, 0.0)
    assert theory == Limit(theory.value, 1.0, theory.value, 0.0)
    raised = limit_for(1.0, 10.0)
    assert (raised.value, raised.from_data) == (11.0, 11.0)
    assert raised.from_theory == theory.value


@pytest.mark.parametrize("per_day", [0.0, -1.0, 1e-5, 1e-300, 86_401.0, math.inf, math.nan])
def test_budgets_that_cannot_be_kept(per_day: float) -> None:
    with pytest.raises(ConfigError, match="cannot be kept"):
        limit_for(per_day, 0.0)


def test_surprise_is_bounded() -> None:
    assert LARGEST_SINGLE_SECOND_SUM == highest_sum([0.0]) == 3.5
    assert surprise(1.0) == 0
    assert surprise(math.exp(-2)) == pytest.approx(2)
    assert [surprise(p) for p in (1e-12, 0.0)] == [6.0, 6.0]


def test_highest_sum() -> None:
    assert highest_sum([]) == 0
    assert highest_sum([1.0, 0.5, 0.9]) == 0
    e4 = math.exp(-4)
    assert highest_sum([e4, e4, 1.0, e4]) == pytest.approx(3.0)
    assert highest_sum([e4, 1.0, 1.0, e4, e4]) == pytest.approx(3.0)


LIMIT = Limit(8.0, 1.0, 8.0, 0.0)


def states(*surprises: float, policy: Policy | None = None) -> list[str]:
    decision = Decision(LIMIT, policy or Policy())
    return [decision.update(math.exp(-x)).value for x in surprises]


def test_states_rise_at_half_and_whole_limit() -> None:
    assert states(6.0, 2.5) == ["OK", "OK"]
    assert states(6.0, 3.0, 2.5) == ["OK", "WATCH", "WATCH"]
    assert states(6.0, 6.0, 3.5) == ["OK", "WATCH", "ALARM"]


def test_states_do_not_flicker() -> None:
    """An alarm lasts until a quarter of the limit; a watch too."""
    # Sums: 3.5, 7, 10.5, then down by 2.5 a second.
    assert states(6, 6, 6, 0, 0, 0, 0) == ["OK", "WATCH", "ALARM", "ALARM", "ALARM", "ALARM", "OK"]
    # 3.5, 4.0, 2.5, 3.0: below half of the limit it stays on watch.
    assert states(6, 3, 1, 3) == ["OK", "WATCH", "WATCH", "WATCH"]
    # 3.5, 4.0, 1.5, 3.5: once OK it takes half of the limit again.
    assert states(6, 3, 0, 4.5) == ["OK", "WATCH", "OK", "OK"]


def test_an_alarm_ends_soon_after_its_cause() -> None:
    decision = Decision(LIMIT)
    for _ in range(10_000):
        decision.update(1e-12)
    assert decision.total == 12.0
    after = [decision.update(1.0) for _ in range(4)]
    assert after == [State.ALARM, State.ALARM, State.ALARM, State.OK]


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), max_size=60))
def test_one_alarming_second_needs_company(p_values: list[float]) -> None:
    decision = Decision(LIMIT)
    before = State.OK
    for p in p_values:
        total = decision.total
        state = decision.update(p)
        assert decision.total <= total + 3.5 + 1e-9  # sums of logarithms round
        assert 0 <= decision.total <= 12
        if state is State.ALARM and before is State.OK:
            # 3.5 at most in one second: from OK, below half of the limit, no second reaches all of it.
            pytest.fail("an alarm without a watch")
        before = state


def test_a_decision_begins_at_zero_and_so_does_its_reset() -> None:
    decision = Decision(LIMIT, Policy(latch=True))
    assert (decision.total, decision.state) == (0.0, State.OK)
    decision.reset()
    assert (decision.total, decision.state) == (0.0, State.OK)
    assert decision.update(1.0) is State.OK
    assert decision.total == 0.0


def test_delays_count_from_the_first_second() -> None:
    low = Limit(3.0, 1.0, 3.0, 0.0)
    decision = Decision(low, Policy(on_delay_s=1))
    assert [decision.update(1e-9) for _ in range(2)] == [State.WATCH, State.ALARM]


def test_a_reset_forgets() -> None:
    decision = Decision(LIMIT)
    for _ in range(5):
        decision.update(1e-9)
    decision.reset()
    assert (decision.total, decision.state) == (0.0, State.OK)
    assert decision.update(1e-9) is State.OK


def test_an_on_delay_waits_for_seconds_over_the_limit() -> None:
    # Sums: 3.5, 7, 10.5, 12, 12.
    assert states(6, 6, 6, 6, 6, policy=Policy(on_delay_s=2)) == ["OK", "WATCH", "WATCH", "WATCH", "ALARM"]
    # A second below the limit restarts the delay: 3.5, 7, 10.5, 8, 5.5, 9, 12, 12.
    waited = states(6, 6, 6, 0, 0, 6, 6, 6, policy=Policy(on_delay_s=2))
    assert waited == ["OK"] + ["WATCH"] * 6 + ["ALARM"]


def test_an_off_delay_waits_for_seconds_below_the_deadband() -> None:
    bad, good = [6.0] * 3, [0.0] * 7
    assert states(*bad, *good)[2:] == ["ALARM"] * 4 + ["OK"] * 4
    assert states(*bad, *good, policy=Policy(off_delay_s=2))[2:] == ["ALARM"] * 6 + ["OK"] * 2
    # A bad second in between restarts the delay.
    assert states(*bad, *good[:5], 6, 6, *good[:2], policy=Policy(off_delay_s=2))[-1] == "ALARM"


def test_a_deadband_says_how_far_the_sum_has_to_fall() -> None:
    # 10.5, 8.0, 5.5: a deadband of a tenth is 7.2.
    assert states(6, 6, 6, 0, 0, policy=Policy(deadband=0.1))[2:] == ["ALARM", "ALARM", "OK"]
    assert states(6, 6, 6, *[0] * 4, policy=Policy(deadband=1.0))[2:] == ["ALARM"] * 5


def test_a_latched_alarm_waits_for_a_person() -> None:
    decision = Decision(LIMIT, Policy(latch=True))
    for _ in range(5):
        decision.update(1e-9)
    assert {decision.update(1.0) for _ in range(30)} == {State.ALARM}
    decision.reset()
    assert decision.state is State.ALARM
    decision.release()
    assert decision.update(1.0) is State.OK


def test_released_early_it_ends_with_its_cause() -> None:
    decision = Decision(LIMIT, Policy(latch=True))
    for _ in range(5):
        decision.update(1e-9)
    decision.release()
    assert [decision.update(1.0) for _ in range(4)] == [State.ALARM] * 3 + [State.OK]
