"""Limits from excursions: exact where seconds are independent, higher where they are not, sane without data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from anomaly.detect.calibration.excursions import Excursions, excursions, predicted_limit
from anomaly.detect.decision import Decision, Limit, State, highest_sum, limit_for
from anomaly.errors import ConfigError


def bursts(seconds: int, seed: int) -> list[float]:
    """Uniform tail probabilities that come in runs of about four seconds of the same one."""
    random = np.random.default_rng(seed)
    fresh = random.uniform(size=seconds)
    stays = random.random(seconds) < 0.75
    for t in range(1, seconds):
        fresh[t] = fresh[t - 1] if stays[t] else fresh[t]
    return [float(p) for p in fresh]


def alarms(p_values: list[float], limit: float) -> int:
    decision = Decision(Limit(limit, 24.0, limit, limit))
    count, before = 0, State.OK
    for p in p_values:
        state = decision.update(p)
        count += state is State.ALARM and before is not State.ALARM
        before = state
    return count


def test_the_excursions_of_a_sequence() -> None:
    e4 = math.exp(-4)
    # Sums: 1.5 3 0.5 0 | 1.5 | 0 1.5: the sum goes on from one recording to the next.
    found = excursions([[e4, e4, 1.0, 1.0], [e4], [1.0, e4]])
    assert found.peaks == pytest.approx((3.0, 1.5, 1.5))
    assert found.seconds == 7
    under_way = excursions([[e4], [e4, 1.0, 1.0]])
    assert under_way.peaks == pytest.approx((3.0,))
    assert excursions([[0.5] * 10]) == Excursions((), 10)


def test_peaks_come_highest_first() -> None:
    p_values = np.random.default_rng(1).uniform(size=50_000).tolist()
    found = excursions([p_values])
    assert found.peaks[-1] >= 1
    assert list(found.peaks) == sorted(found.peaks, reverse=True)
    assert found.peaks[0] == highest_sum(p_values)


@pytest.mark.parametrize("per_day", [1440.0, 144.0])
@pytest.mark.parametrize("dependent", [False, True])
def test_the_budget_is_kept_on_sound_like_the_calibration(per_day: float, dependent: bool) -> None:
    def sound(seconds: int, seed: int) -> list[float]:
        if dependent:
            return bursts(seconds, seed)
        return [float(p) for p in np.random.default_rng(seed).uniform(size=seconds)]

    rates = []
    for seed in (2, 12, 22):
        limit = predicted_limit(per_day, excursions([sound(3600, seed)]))
        rates.append(alarms(sound(200_000, seed + 1), limit.value) / (200_000 / 86_400))
    # An hour of calibration knows a rate within a factor, and uncertainty only ever raises the limit.
    assert 0.05 * per_day < np.mean(rates) < 1.2 * per_day


def events(seconds: int, seed: int) -> list[float]:
    """Ordinary seconds, and four hundred times a day something that lasts up to seven seconds."""
    random = np.random.default_rng(seed)
    p_values = random.uniform(size=seconds)
    for begin in np.flatnonzero(random.random(seconds) < 400 / 86_400):
        p_values[begin : begin + random.integers(1, 8)] *= 0.003
    return [float(p) for p in p_values]


@pytest.mark.parametrize("per_day", [144.0, 24.0])
def test_excursions_of_two_kinds_keep_the_budget_too(per_day: float) -> None:
    """The many low ones of chance must not hide that the few of long events fall more slowly, and then end."""
    rates = []
    for seed in range(6):
        limit = predicted_limit(per_day, excursions([events(7200, seed)]))
        rates.append(alarms(events(200_000, 100 + seed), limit.value) / (200_000 / 86_400))
    assert 0.05 * per_day < np.mean(rates) < 1.2 * per_day


def test_heights_that_one_second_reaches_do_not_enter_the_decay_of_excursions() -> None:
    """A pile at 3.5 is no sign that nothing is ever higher."""
    piled = Excursions((*[3.5] * 40, *[3.0] * 40), 7200)
    spread = Excursions((4.5, *[3.5] * 39, *[3.0] * 40), 7200)
    for found in (piled, spread):
        assert found.limit(1.0) > 7.5
        # A week's limit lies seven times less often passed than a day's, as far as machines fall at all.
        assert 1.3 * math.log(7) < found.limit(1 / 7) - found.limit(1.0) < 2.6 * math.log(7)
    assert spread.limit(1.0) > piled.limit(1.0)


def test_two_hours_of_sound_have_a_lower_limit_than_ten_minutes() -> None:
    probabilities = np.random.default_rng(5).uniform(size=7200).tolist()
    assert (
        predicted_limit(1.0, excursions([probabilities])).value
        < predicted_limit(1.0, excursions([probabilities[:600]])).value
    )


def test_runs_of_bad_seconds_raise_the_limit() -> None:
    alone = predicted_limit(1.0, excursions([np.random.default_rng(4).uniform(size=3600).tolist()]))
    in_runs = predicted_limit(1.0, excursions([bursts(3600, 4)]))
    assert in_runs.value > 1.5 * alone.value
    assert alone.value >= limit_for(1.0, 0.0).value


def test_rarer_alarms_need_a_higher_limit_whatever_is_known() -> None:
    found = [excursions([bursts(seconds, 7)]) for seconds in (30, 36_000)]
    nothing = Excursions((), 0)
    for e in (*found, nothing):
        values = [predicted_limit(b, e).value for b in (1440, 24, 1, 1 / 7, 1e-4)]
        assert values == sorted(values)
        assert all(4 < value < 150 for value in values[1:])


def test_called_normal_is_a_floor() -> None:
    found = excursions([bursts(3600, 8)])
    assert predicted_limit(1.0, found, 50.0).value == pytest.approx(55.0)


def test_budgets_that_cannot_be_kept() -> None:
    with pytest.raises(ConfigError, match="cannot be kept"):
        predicted_limit(0.0, Excursions((), 0))


def expected_limit(peaks: list[float], seconds: int, per_day: float) -> float:
    """The limit as the module describes it, with the gamma quantiles of scipy."""
    days = (seconds + 60.0) / 86_400.0
    rank = max(12, math.ceil(per_day * days))
    height = peaks[:rank][-1] if peaks else 1.0
    reached = sum(peak > height if height == 3.5 else peak >= height for peak in peaks)
    bound = stats.gamma.ppf(0.95, reached + 1) if len(peaks) >= 12 else reached
    prior = 2000.0 * math.exp(-(height - 1.0) / 1.44)
    rate = (bound + prior * 60.0 / 86_400.0) / days
    threshold = max(3.5, peaks[30] if len(peaks) > 30 else 1.0)
    excesses = [peak - threshold for peak in peaks if peak > threshold]
    mean_excess = (sum(excesses) + 30 * 1.44) / stats.gamma.ppf(0.05, len(excesses) + 30)
    return height + max(0.0, mean_excess * math.log(rate / per_day))


HIGH = [9.0, 8.0, 7.5, 7.0, 6.5, 6.2, 6.0, 5.8, 5.6, 5.4, 5.2, 5.0, 4.9, 4.8]
MANY = [3.6 + 0.1 * k for k in range(40, 0, -1)]


@pytest.mark.parametrize("per_day", [0.1, 1.0, 24.0, 300.0])
@pytest.mark.parametrize(
    ("peaks", "seconds"),
    [
        ([], 0),
        ([], 3600),
        ([1.2], 600),
        (HIGH[:11], 3600),
        (HIGH[:12], 3600),
        (HIGH, 7200),
        ([*HIGH[:5], *[3.5] * 20], 7200),
        (MANY[:30], 36_000),
        (MANY[:31], 36_000),
        (MANY, 36_000),
        ([*MANY, *[1.5] * 400], 86_400),
    ],
)
def test_the_limit_is_the_one_described(peaks: list[float], seconds: int, per_day: float) -> None:
    found = Excursions(tuple(peaks), seconds).limit(per_day)
    assert found == pytest.approx(expected_limit(peaks, seconds, per_day), rel=1e-3)


def test_the_limit_is_not_below_the_height_that_the_budget_allows() -> None:
    """Two hundred excursions a day are allowed and a hundred are known: the lowest of them is high enough."""
    peaks = tuple(2.0 + 0.01 * k for k in range(100, 0, -1))
    assert Excursions(peaks, 86_340).limit(1400.0) == peaks[-1]


def test_excursions_count_from_a_height_of_one() -> None:
    just_above, just_below = math.exp(-3.5 - 1e-9), math.exp(-3.5 + 1e-9)
    assert len(excursions([[just_above]]).peaks) == 1
    assert excursions([[just_below]]).peaks == ()
    assert excursions([[just_above, 1.0, just_below, 1.0, just_above]]).peaks == pytest.approx((1.0, 1.0))


def test_a_limit_names_its_parts() -> None:
    found = excursions([bursts(3600, 8)])
    limit = predicted_limit(1.0, found)
    theory = limit_for(1.0, 0.0).from_theory
    assert limit == Limit(max(theory, limit.from_data), 1.0, theory, found.limit(1.0))
    nothing = predicted_limit(1440.0, Excursions((), 86_400))
    assert nothing.value == max(nothing.from_theory, nothing.from_data)
