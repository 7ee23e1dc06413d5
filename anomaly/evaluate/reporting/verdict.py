"""Verdict of an evaluation as text: faults alarmed, false alarms, their meaning, and the reasons of misses."""

from __future__ import annotations

from dataclasses import dataclass

from anomaly.evaluate.metrics.comparison import difference
from anomaly.evaluate.metrics.false_alarms import UNLIKELY_P, FalseAlarms
from anomaly.evaluate.metrics.misses import MissReason, miss_reasons, shortest_alarm_s
from anomaly.evaluate.run import BUDGET_PER_DAY, Evaluation, Outcome
from anomaly.readable import count, duration, rate

MAIN = "student"
_HOURS_A_DAY = 24.0


@dataclass(frozen=True)
class MissExplanation:
    """One reason why faults raised no alarm.

    Args:
        clips: number of clips with this reason.
        reason: the reason as text.
        remedy: a change that would help.
    """

    clips: int
    reason: str
    remedy: str


def verdict_sentence(evaluation: Evaluation) -> str:
    """Faults alarmed and false alarms of the main detector at the budget, in one line."""
    outcome = evaluation.outcomes[MAIN]
    budget = f"at a budget of {rate(BUDGET_PER_DAY, 'false alarm')}"
    false_alarms = _false_alarms(outcome.false_alarms)
    if not outcome.detection.anomalies:
        return f"No faults to test with; {false_alarms} {budget}."
    found, faults = outcome.confusion.true_alarms, outcome.detection.anomalies
    return f"{found} of {count(faults, 'fault')} raised an alarm {budget}, {false_alarms}."


def meaning(evaluation: Evaluation, theirs: Evaluation | None = None, *, other: str = "other") -> list[str]:
    """Return one line for each conclusion: faults missed, what so much sound can show, calibration, comparison."""
    outcome = evaluation.outcomes[MAIN]
    lines = []
    if outcome.confusion.missed:
        missed, faults = outcome.confusion.missed, count(outcome.detection.anomalies, "fault")
        lines.append(f"{missed} of {faults} raised no alarm.")
    if outcome.false_alarms is not None:
        lines += _false_alarm_lines(outcome.false_alarms)
    if theirs is not None:
        lines.append(_comparison(evaluation, theirs, other))
    return lines


def explain_misses(evaluation: Evaluation, name: str = MAIN) -> list[MissExplanation]:
    """Reasons why faults raised no alarm, the most frequent first."""
    reasons = miss_reasons(evaluation, name)
    explanations = []
    for reason in MissReason:
        clips = [index for index, found in reasons.items() if found is reason]
        if clips:
            explanations.append(_explanation(evaluation, reason, clips, name))
    return sorted(explanations, key=lambda one: -one.clips)


def _false_alarms(found: FalseAlarms | None) -> str:
    if found is None:
        return "no normal sound to count false alarms in"
    return f"{count(found.rate.alarms, 'false alarm')} in {duration(found.seconds)} of normal sound"


def _false_alarm_lines(found: FalseAlarms) -> list[str]:
    lines = []
    upper = _HOURS_A_DAY * found.rate.upper_per_hour
    if upper > BUDGET_PER_DAY:
        lines.append(
            f"With so little normal sound up to {rate(upper, 'false alarm')} cannot be ruled out; to show that the "
            f"budget is kept takes {duration(3.0 * 86_400.0 / BUDGET_PER_DAY)} of it."
        )
    if found.unlikely_ci[0] > UNLIKELY_P:
        lines.append(
            f"{100 * found.unlikely_share:.0f} of 100 normal seconds were rarer than calibrated, 1 is expected: this "
            "normal sound differs from that of the training. Expect more false alarms until the model is calibrated on "
            "such sound (`anomaly calibrate`)."
        )
    return lines


def _comparison(ours: Evaluation, theirs: Evaluation, other: str) -> str:
    outcome = theirs.outcomes[MAIN]
    text = f"{other}: {verdict_sentence(theirs)[:-1]}; "
    found = difference(ours, theirs, MAIN)
    if found.auc is None or found.auc_ci is None:
        missing = "recordings" if outcome.detection.anomalies else "faults"
        return f"{text}too few {missing} to tell which is better."
    low, high = found.auc_ci
    if low <= 0.0 <= high:
        return f"{text}the test shows no difference between the two."
    return f"{text}{'this model' if low > 0 else other} separates faults from normal sound better."


def _explanation(evaluation: Evaluation, reason: MissReason, clips: list[int], name: str) -> MissExplanation:
    outcome = evaluation.outcomes[name]
    shortest = shortest_alarm_s(outcome.limit.value)
    texts = {
        MissReason.NOT_JUDGED: (
            "were not judged: the machine stood or changed its speed",
            "test with sound of the running machine",
        ),
        MissReason.TOO_SHORT: (
            f"are too short: an alarm takes {shortest} s of very unusual sound or more",
            f"test with recordings longer than {shortest} s, or calibrate on more sound: the limit falls",
        ),
        MissReason.WATCH: (
            "are unusual, and came to WATCH: the sum of the decision passed half of the alarm limit",
            "a fault that lasts longer may raise the alarm; calibrate on more sound: the limit falls",
        ),
        MissReason.TOO_BRIEF: (
            "score higher than all normal sound, but too little or too briefly for an alarm",
            "a fault that lasts longer may raise the alarm; calibrate on more sound: the limit falls",
        ),
        MissReason.LIKE_NORMAL: (
            f"score no higher than normal sound does{_alarmed_elsewhere(evaluation, clips, name)}",
            "place the microphone closer, or train on more sound",
        ),
    }
    return MissExplanation(len(clips), *texts[reason])


def _alarmed_elsewhere(evaluation: Evaluation, clips: list[int], name: str) -> str:
    others = [_alarms(outcome, clips) for other, outcome in evaluation.outcomes.items() if other != name]
    most = max(others, default=0)
    return f" (another detector raised an alarm on {most} of them)" if most else ""


def _alarms(outcome: Outcome, clips: list[int]) -> int:
    return sum(outcome.verdicts[index].state.value == "ALARM" for index in clips)
