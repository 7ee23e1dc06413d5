"""The alarm score is where the tail probability crosses that of the decision's reference value."""

from __future__ import annotations

import math

import pytest

from anomaly.prognosis.index.alarm_score import ALARM_P, alarm_score


def test_of_an_exponential_tail() -> None:
    assert alarm_score(lambda score: math.exp(-max(score, 0.0))) == pytest.approx(2.5)


def test_none_where_no_score_is_rare_enough() -> None:
    assert alarm_score(lambda score: 2 * ALARM_P) is None
