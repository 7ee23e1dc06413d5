"""Figures of an evaluation as JSON and as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from anomaly.detect.decision import State
from anomaly.evaluate.metrics.comparison import difference
from anomaly.evaluate.metrics.dcase_challenge import official_figures
from anomaly.evaluate.metrics.detection_metrics import MAX_FPR
from anomaly.evaluate.metrics.false_alarms import UNLIKELY_P, FalseAlarms
from anomaly.evaluate.metrics.joined_alarms import WITHIN_S, in_total
from anomaly.evaluate.metrics.misses import count_reasons
from anomaly.evaluate.run import Evaluation, Outcome
from anomaly.text_table import NOTHING

ALARM_RULE = "a clip raises an alarm if the decision reaches ALARM within it"
JOINED_RULE = (
    "clips of a fault in a row, without a reset of the decision; of each minute, whether ALARM is reached"
)


def as_json(ours: Evaluation, theirs: Evaluation | None = None) -> dict[str, Any]:
    """Return the JSON values of `anomaly evaluate --json`."""
    values = _side(ours)
    values["data"] = {
        "folder": str(ours.folder),
        "layout": ours.data.layout,
        "held_out_by_us": ours.data.held_out_by_us,
        "clips": len(ours.clips),
        "left_out": [{"path": str(file.path), "error": file.error} for file in ours.left_out],
        "notes": list(ours.notes),
    }
    if theirs is not None:
        compared = {name: difference(ours, theirs, name).as_json() for name in ours.outcomes}
        values["compare"] = {**_side(theirs), "difference": compared}
    return values


def _side(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "machine": evaluation.bundle.manifest.machine,
        "bundle": str(evaluation.bundle.path),
        "detectors": {
            name: _outcome(evaluation, outcome)
            | {"misses": count_reasons(evaluation, name)}
            | _official(evaluation, name)
            for name, outcome in evaluation.outcomes.items()
        },
    }


def _outcome(evaluation: Evaluation, outcome: Outcome) -> dict[str, Any]:
    false_alarms, counts = outcome.false_alarms, outcome.confusion
    return {
        **outcome.detection.as_json(),
        "false_alarms_per_hour": None if false_alarms is None else false_alarms.rate.per_hour,
        "false_alarms": None if false_alarms is None else false_alarms.as_json(),
        "confusion": {
            "rule": ALARM_RULE,
            "true_alarms": counts.true_alarms,
            "missed": counts.missed,
            "false_alarms": counts.false_alarms,
            "true_silence": counts.true_silence,
            "precision": counts.precision,
            "recall": counts.recall,
            "f1": counts.f1,
        },
        "states": states(evaluation, outcome),
        "alarmed": {
            "within_s": WITHIN_S,
            "rule": JOINED_RULE,
            **in_total(outcome.alarmed).as_json(),
            "faults": {fault: one.as_json() for fault, one in outcome.alarmed.items()},
        },
        "supported_p": outcome.supported_p,
    }


def _official(evaluation: Evaluation, name: str) -> dict[str, Any]:
    found = official_figures(evaluation, name)
    return {} if found is None else {"official": found.as_json()}


def states(evaluation: Evaluation, outcome: Outcome) -> dict[str, dict[str, int]]:
    """Number of normal and anomalous clips by the worst state that they reached."""
    found = Counter(
        (clip.label, verdict.state) for clip, verdict in zip(evaluation.clips, outcome.verdicts, strict=True)
    )
    return {label: {state.value: found[label, state] for state in State} for label in ("normal", "anomaly")}


def clip_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return one row for each clip and detector."""
    return [
        {
            "path": str(clip.path),
            "label": clip.label,
            "fault": clip.fault,
            "recording": clip.recording,
            "section": clip.section,
            "domain": clip.domain,
            "detector": name,
            "score": verdict.score,
            "p_value": verdict.p_value,
            "state": verdict.state.value,
        }
        for name, outcome in evaluation.outcomes.items()
        for clip, verdict in zip(evaluation.clips, outcome.verdicts, strict=True)
    ]


def table(ours: Evaluation, theirs: Evaluation | None = None, *, other: str = "other") -> list[list[str]]:
    """Return a head and a line for each figure, with a column for each detector.

    Args:
        ours: the evaluation.
        theirs: evaluation that it is compared with.
        other: name of that.
    """
    columns = [(str(name), outcome) for name, outcome in ours.outcomes.items()]
    if theirs is not None:
        columns += [(f"{other} {name}", outcome) for name, outcome in theirs.outcomes.items()]

    def line(title: str, cell: Callable[[Outcome], str]) -> list[str]:
        return [title, *(cell(outcome) for _, outcome in columns)]

    lines = [
        line("AUC", lambda o: _figure(o.detection.auc)),
        line("  95 % over recordings", lambda o: _interval(o.detection.ci)),
        line(f"pAUC, at most {MAX_FPR:.0%} false alarms", lambda o: _figure(o.detection.pauc)),
        line("F1-EV, bounded", lambda o: _figure(o.detection.f1_ev)),
    ]
    lines += [
        [f"AUC {fault}", *(_figure(outcome.detection.faults[fault]) for _, outcome in columns)]
        for fault in ours.outcomes["student"].detection.faults
    ]
    lines += _official_lines(ours, theirs)
    lines += [
        line("anomalous clips in ALARM", lambda o: _share(o.confusion.true_alarms, o.detection.anomalies)),
        line("normal clips in ALARM", lambda o: _share(o.confusion.false_alarms, o.detection.normals)),
        line("false alarms per hour", lambda o: _rate(o.false_alarms)),
        line("normal time in ALARM", lambda o: _time(o.false_alarms)),
        line(f"normal seconds with p ≤ {UNLIKELY_P}", lambda o: _unlikely(o.false_alarms)),
    ]
    if theirs is not None:
        lines += _differences(ours, theirs, len(columns))
    return [["", *(name for name, _ in columns)], *lines]


def _official_lines(ours: Evaluation, theirs: Evaluation | None) -> list[list[str]]:
    """Return the line of the score that the edition ranks by, for folders of DCASE Task 2."""
    sides = [side for side in (ours, theirs) if side is not None]
    found = [official_figures(side, name) for side in sides for name in side.outcomes]
    if found[0] is None:
        return []
    cells = [_figure(None if one is None else one.score) for one in found]
    return [[f"official score, DCASE {found[0].edition}", *cells]]


def _differences(ours: Evaluation, theirs: Evaluation, columns: int) -> list[list[str]]:
    found = [difference(ours, theirs, name) for name in ours.outcomes]
    rest = [""] * (columns - len(found))
    return [
        ["AUC, difference", *(_signed(d.auc, d.auc_ci) for d in found), *rest],
        ["pAUC, difference", *(_signed(d.pauc, d.pauc_ci) for d in found), *rest],
    ]


def _figure(value: float | None) -> str:
    return "null" if value is None else f"{value:.3f}"


def _interval(ci: tuple[float, float] | None) -> str:
    return NOTHING if ci is None else f"{ci[0]:.3f} to {ci[1]:.3f}"


def _signed(value: float | None, ci: tuple[float, float] | None) -> str:
    if value is None:
        return NOTHING
    return f"{value:+.3f}" if ci is None else f"{value:+.3f} ({ci[0]:+.3f} to {ci[1]:+.3f})"


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole}" if whole else NOTHING


def _rate(false_alarms: FalseAlarms | None) -> str:
    return (
        NOTHING
        if false_alarms is None
        else f"{false_alarms.rate.per_hour:.1f} (below {false_alarms.rate.upper_per_hour:.1f})"
    )


def _time(false_alarms: FalseAlarms | None) -> str:
    return NOTHING if false_alarms is None else f"{false_alarms.time_in_alarm:.1%}"


def _unlikely(false_alarms: FalseAlarms | None) -> str:
    if false_alarms is None:
        return NOTHING
    low, high = false_alarms.unlikely_ci
    return f"{false_alarms.unlikely_share:.1%} ({low:.1%} to {high:.1%})"
