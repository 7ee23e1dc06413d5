"""Summary of an evaluation for the screen: verdict, what it means, faults one by one, reasons of misses, figures."""

from __future__ import annotations

from collections.abc import Iterator

from anomaly.detect.decision import State
from anomaly.evaluate.metrics.joined_alarms import WITHIN_S
from anomaly.evaluate.metrics.per_fault import UNNAMED
from anomaly.evaluate.reporting.results import table
from anomaly.evaluate.reporting.verdict import MAIN, explain_misses, meaning, verdict_sentence
from anomaly.evaluate.run import Evaluation, Outcome
from anomaly.readable import count
from anomaly.text_table import NOTHING, aligned


def summary_text(
    ours: Evaluation, theirs: Evaluation | None = None, *, other: str = "other", details: bool = False
) -> str:
    """Verdict in the first line, its meaning, alarms per fault, reasons of misses; with details figures and chip.

    Args:
        ours: the evaluation.
        theirs: evaluation that it is compared with.
        other: name of that.
        details: whether to add AUC, intervals, DCASE figures and the chip.
    """
    blocks = ["\n".join([verdict_sentence(ours), *meaning(ours, theirs, other=other)])]
    blocks.append(aligned(fault_table(ours, theirs, other=other)).rstrip("\n"))
    if explanations := explain_misses(ours):
        missed = ours.outcomes[MAIN].confusion.missed
        lines = [f"Why {count(missed, 'fault')} raised no alarm:"]
        lines += [f"  {one.clips:>3}  {one.reason}\n       -> {one.remedy}" for one in explanations]
        blocks.append("\n".join(lines))
    if details:
        blocks.append(aligned(table(ours, theirs, other=other)).rstrip("\n"))
        blocks.append(chip_line(ours))
    blocks.append(_origin_line(ours, details))
    return "\n\n".join(block for block in blocks if block)


def fault_table(
    ours: Evaluation, theirs: Evaluation | None = None, *, other: str = "other"
) -> list[list[str]]:
    """Clips that raised an alarm, by fault and detector; normal sound in the last line.

    The last column has the minutes of joined clips that reached an alarm, by the main detector.
    """
    columns = [(str(name), outcome) for name, outcome in ours.outcomes.items()]
    if theirs is not None:
        columns += [(f"{other} {name}", outcome) for name, outcome in theirs.outcomes.items()]
    lines = [["raised an alarm", *(name for name, _ in columns), f"{MAIN}, joined to {WITHIN_S} s"]]
    alarmed = ours.outcomes[MAIN].alarmed
    for fault, clips in _by_fault(ours):
        joined = alarmed.get(fault)
        minutes = NOTHING if joined is None else f"{joined.alarmed} of {joined.stretches}"
        lines.append([fault, *(_share(outcome, clips) for _, outcome in columns), minutes])
    return lines


def chip_line(evaluation: Evaluation) -> str:
    """Activity and routing of the student on its chip, from the metrics of its training; empty if unknown."""
    metrics = evaluation.bundle.manifest.metrics
    try:
        activity, chip = metrics["activity"], metrics["chip"]
        return (
            f"chip: {activity['sop_per_s']:,.0f} synaptic operations per second of sound, routed with "
            f"{chip['min_channel_width']} of {chip['channel_width']} nets per channel"
        )
    except (KeyError, TypeError):
        return ""


def _by_fault(evaluation: Evaluation) -> Iterator[tuple[str, list[int]]]:
    """Names of faults with the indices of their clips, then normal sound."""
    groups: dict[str, list[int]] = {}
    for index, clip in enumerate(evaluation.clips):
        if clip.label == "anomaly":
            groups.setdefault(clip.fault or UNNAMED, []).append(index)
    yield from sorted(groups.items())
    yield "normal sound", [i for i, clip in enumerate(evaluation.clips) if clip.label == "normal"]


def _share(outcome: Outcome, clips: list[int]) -> str:
    alarms = sum(outcome.verdicts[index].state is State.ALARM for index in clips)
    return f"{alarms} of {len(clips)}" if clips else NOTHING


def _origin_line(evaluation: Evaluation, details: bool) -> str:
    detection = evaluation.outcomes[MAIN].detection
    more = "" if details else " AUC, intervals and chip: --details."
    return (
        f"{evaluation.bundle.manifest.machine}, tested on {detection.normals} normal and {detection.anomalies} faulty "
        f"recordings of {evaluation.folder}.{more}"
    )
