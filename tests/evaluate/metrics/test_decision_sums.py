from __future__ import annotations

import numpy as np

from anomaly.detect.decision import Decision, State, limit_for
from anomaly.evaluate.metrics.decision_sums import decision_sums, file_sums
from anomaly.evaluate.run import Evaluation

LIMIT = limit_for(1.0, 0.0)


def test_sums_are_those_of_the_decision() -> None:
    p_values = [0.5, 1e-4, 1e-4, 0.9, 1e-6]
    decision = Decision(LIMIT)
    expected = []
    for p_value in p_values:
        decision.update(p_value)
        expected.append(decision.total)
    assert decision_sums(p_values, [True] * 5, LIMIT) == expected


def test_a_second_that_is_not_taken_leaves_the_sum_and_silence_resets_it() -> None:
    first, second, third = decision_sums([1e-4, 1e-9, None], [True, False, True], LIMIT)
    assert first == second > 0
    assert third == 0.0


def test_a_file_reaches_the_limit_where_it_comes_to_alarm(evaluation: Evaluation) -> None:
    outcome = evaluation.outcomes["student"]
    alarmed = [file for file in outcome.scored if file.verdict and file.verdict.state is State.ALARM]
    assert alarmed
    for file in alarmed:
        assert file.verdict is not None
        over = np.array(file_sums(file, outcome.limit)) >= outcome.limit.value
        assert file.verdict.states.index(State.ALARM) == int(np.argmax(over))
