"""Text of `anomaly feedback`: the feedback as recorded, and the calibration that follows from it."""

from __future__ import annotations

from anomaly.monitor.offline.feedback import FeedbackResult
from anomaly.monitor.offline.reporting.next_steps import next_steps
from anomaly.readable import duration
from anomaly.store.cases.case import SHORT_ID


def feedback_text(
    result: FeedbackResult, machine: str, number_before: int, *, options: str = "", details: bool = False
) -> list[str]:
    """Lines about recorded feedback.

    Args:
        result: of the feedback.
        machine: name of the machine.
        number_before: version of the calibration in use before; 0 for the bundle's own.
        options: folders and detector of the command line, which the next commands need too.
        details: limits too.
    """
    lines = [f"case {result.case[:SHORT_ID]} is recorded as {_verdict(result)}"]
    if result.closed:
        lines.append("The case is closed.")
    if result.other_seconds:
        lines.append(
            f"{duration(result.other_seconds)} of it left out: another bundle or detector scored them."
        )
    if details:
        lines.append(
            f"limit of the decision for 1 false alarm a day: {result.limit_before:.1f} before, {result.limit:.1f} now"
        )
    if result.not_learned is not None:
        command = f"anomaly calibrate --machine {machine} --from RECORDING{options}"
        again = (command, "add a recording of such sound")
        return [
            *lines,
            f"Nothing was added to the calibration: {result.not_learned}. Such sound may raise an alarm again.",
            *next_steps([again]),
        ]
    if result.calibration is None:
        return lines
    return [
        *lines,
        "A running monitor takes it up within seconds.",
        *next_steps([(f"anomaly calibrate --machine {machine} --revert {number_before}{options}", "undo")]),
    ]


def _verdict(result: FeedbackResult) -> str:
    normal = result.verdict == "normal"
    if result.calibration is None:
        return f"{'normal' if normal else 'a fault'}; the calibration stays as it is."
    sound = "its clip" if result.learned_from == "clip" else "it"
    change = (
        f"holds {duration(result.seconds)} of {sound} as normal sound: such sound raises no alarm again."
        if normal
        else f"no longer holds {duration(result.seconds)} of it as normal sound."
    )
    return f"{'normal' if normal else 'a fault'}; calibration {result.calibration} is in use and {change}"
