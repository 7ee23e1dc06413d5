"""Report of an evaluation: verdict, faults one by one, reasons of misses, hardest clips, figures, the chip last."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from anomaly import atomic
from anomaly.audio.files.recordings import blocks
from anomaly.evaluate.metrics.dcase_challenge import write_official
from anomaly.evaluate.metrics.detection_metrics import roc_curve
from anomaly.evaluate.metrics.false_alarms import UNLIKELY_P
from anomaly.evaluate.reporting import plots
from anomaly.evaluate.reporting.html_report import ReportSection, write_report
from anomaly.evaluate.reporting.results import ALARM_RULE, as_json, clip_rows, states, table
from anomaly.evaluate.reporting.summary import chip_line, fault_table
from anomaly.evaluate.reporting.time_plots import score_curve, spectrogram
from anomaly.evaluate.reporting.verdict import MAIN, explain_misses, meaning, verdict_sentence
from anomaly.evaluate.run import BUDGET_PER_DAY, Evaluation
from anomaly.features.mel import FLOOR, HOP_S, N_MELS, mel_power, pooled_edges_hz
from anomaly.readable import duration, local_time, rarity

JSON_NAME = "evaluation.json"
CSV_NAME = "evaluation.csv"
_WORST = 10
_SHOWN_S = 20


def write_evaluation(
    folder: Path, ours: Evaluation, theirs: Evaluation | None = None, *, other: str = "other"
) -> list[Path]:
    """Write index.html, its pictures, and evaluation.json and evaluation.csv with a row for each clip and detector.

    A folder of DCASE Task 2 gets its official score files too, see `write_official`.

    Args:
        folder: made if it is not there.
        ours: evaluation of the bundle.
        theirs: evaluation that it is compared with.
        other: name of that.

    Returns:
        The page, the JSON, the CSV, and official score files.

    Raises:
        ConfigError: the folder cannot be written, or the packages for reports are missing.
        InputError: a clip can no longer be read.
    """
    with atomic.new_files(folder) as work:
        written = [path.relative_to(work) for path in _write(work, ours, theirs, other)]
    return [folder / name for name in written]


def _write(folder: Path, ours: Evaluation, theirs: Evaluation | None, other: str) -> list[Path]:
    machine = ours.bundle.manifest.machine
    page = write_report(
        folder,
        f"{machine}: evaluation on {ours.data.name}",
        list(_sections(ours, theirs, other)),
        summary=_summary(ours, theirs, other),
        figures=_large(ours),
    )
    rows = clip_rows(ours)
    values = {**as_json(ours, theirs), "clips": rows}
    atomic.write_bytes(folder / JSON_NAME, json.dumps(values, indent=2).encode() + b"\n")
    atomic.write_bytes(folder / CSV_NAME, _csv(rows))
    return [page, folder / JSON_NAME, folder / CSV_NAME, *write_official(folder, ours)]


def _csv(rows: list[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _summary(ours: Evaluation, theirs: Evaluation | None, other: str) -> str:
    detection = ours.outcomes[MAIN].detection
    lines = [verdict_sentence(ours), *meaning(ours, theirs, other=other)]
    notes = [*ours.notes, *([] if detection.reason is None else [detection.reason])]
    return " ".join([*lines, *(f"{note[0].upper()}{note[1:]}." for note in notes)])


def _large(ours: Evaluation) -> dict[str, object]:
    outcome = ours.outcomes[MAIN]
    shown: dict[str, object] = {}
    if outcome.detection.anomalies:
        faults = outcome.detection.anomalies
        shown["faults that raised an alarm"] = f"{outcome.confusion.true_alarms} of {faults}"
        shown["faults that raised none"] = f"{outcome.confusion.missed} of {faults}"
    if outcome.false_alarms is not None:
        shown["false alarms"] = outcome.false_alarms.rate.alarms
        shown["normal sound"] = duration(outcome.false_alarms.seconds)
    return shown


def _sections(ours: Evaluation, theirs: Evaluation | None, other: str) -> Iterator[ReportSection]:
    yield ReportSection("Fault by fault", _BY_FAULT, rows=fault_table(ours, theirs, other=other))
    if explanations := explain_misses(ours):
        rows = [("recordings", "reason", "what would help")]
        yield ReportSection(
            "Why faults raised no alarm",
            rows=[*rows, *((one.clips, one.reason, one.remedy) for one in explanations)],
        )
    yield from _hardest(ours)
    for name in ours.outcomes:
        yield _confusion(ours, name)
    labels = ours.labels
    for name, outcome in ours.outcomes.items():
        scores = outcome.scores
        yield ReportSection(
            f"Scores of the {name}", _SCORES, plots.score_histogram(scores[~labels], scores[labels])
        )
    if ours.outcomes[MAIN].detection.auc is not None:
        yield ReportSection("Faults found against false alarms", _ROC, _roc(ours, theirs, other))
        if ours.data.faults:
            yield ReportSection("AUC by fault", picture=_faults(ours, theirs, other))
    yield ReportSection("Figures", _FIGURES, rows=table(ours, theirs, other=other))
    yield ReportSection("Where this comes from", rows=_origin(ours, theirs))
    if line := chip_line(ours):
        yield ReportSection("The chip", f"{line[0].upper()}{line[1:]}. More in the report of the training.")


_BY_FAULT = (
    "Recordings that raised an alarm, by kind of fault and detector; the last line counts false alarms."
)
_ROC = (
    "Share of faults found against share of normal recordings that raise an alarm, for every possible limit."
)
_FIGURES = f"""AUC: probability that an anomaly scores higher than a normal clip. pAUC: the same where at most a tenth
of normal clips raises an alarm, scaled so that chance is 0.5. Intervals are 95 %, over recordings.

False alarms: number of times the decision went into ALARM over the normal clips in a row, at a budget of
{BUDGET_PER_DAY:g} a day; "below" is the upper bound that so much sound supports, with 95 % confidence. If the
calibration is right, {UNLIKELY_P:.0%} of normal seconds have p ≤ {UNLIKELY_P:g}."""
_SCORES = "One score a clip, in standard deviations of held-out normal sound."


def _roc(ours: Evaluation, theirs: Evaluation | None, other: str) -> bytes:
    curves = {}
    for prefix, evaluation in (("", ours), (f"{other} ", theirs)):
        for name, outcome in evaluation.outcomes.items() if evaluation is not None else ():
            curve = roc_curve(ours.labels, outcome.scores)
            curves[f"{prefix}{name}"] = (curve.false_positive_rate, curve.true_positive_rate)
    return plots.roc(curves)


def _faults(ours: Evaluation, theirs: Evaluation | None, other: str) -> bytes:
    columns = {str(name): outcome.detection.faults for name, outcome in ours.outcomes.items()}
    if theirs is not None:
        columns |= {f"{other} {name}": o.detection.faults for name, o in theirs.outcomes.items()}
    faults = list(ours.outcomes[MAIN].detection.faults)
    values = [[found[fault] for found in columns.values()] for fault in faults]
    return plots.heat_map(values, faults, list(columns))


def _confusion(ours: Evaluation, name: str) -> ReportSection:
    outcome = ours.outcomes[name]
    counts = outcome.confusion
    found = states(ours, outcome)
    head = ["clips", *found["normal"]]
    return ReportSection(
        f"Alarms of the {name}",
        f"At a budget of {BUDGET_PER_DAY:g} false alarm a day, {ALARM_RULE}. Below: the worst state of each clip.",
        plots.confusion(counts.true_alarms, counts.missed, counts.false_alarms, counts.true_silence),
        [head, *([label, *(found[label].values())] for label in found)],
    )


def _hardest(ours: Evaluation) -> Iterator[ReportSection]:
    """The main detector's ten hardest clips: normals with the highest and faults with the lowest scores, in halves."""
    scores = ours.outcomes[MAIN].scores
    order = [int(index) for index in np.argsort(scores)]
    normals = [i for i in reversed(order) if ours.clips[i].label == "normal"]
    anomalies = [i for i in order if ours.clips[i].label == "anomaly"]
    # Where one kind has fewer, the other has more.
    share = max(_WORST // 2, _WORST - len(anomalies))
    normals = normals[:share]
    anomalies = anomalies[: _WORST - len(normals)]
    for kind, indices in (("Normal with a high score", normals), ("Fault with a low score", anomalies)):
        for index in indices:
            yield from _clip(ours, index, kind)


def _clip(ours: Evaluation, index: int, kind: str) -> Iterator[ReportSection]:
    """Verdict and spectrogram of a clip, then score and decision sum of the main detector."""
    clip, main = ours.clips[index], ours.outcomes[MAIN]
    rows: list[list[object]] = [["detector", "state", "score", "its rarest second occurs"]]
    for name, outcome in ours.outcomes.items():
        verdict, file = outcome.verdicts[index], outcome.scored[index]
        rarest = min(second.p_value for second in file.scores)
        rows.append([name, verdict.state.value, verdict.score, rarity(rarest)])
    yield ReportSection(f"{kind}: {clip.path.name}", picture=_spectrogram(clip.path), rows=rows)
    file = main.scored[index]
    yield ReportSection(
        f"Decision of the {MAIN}: {clip.path.name}",
        picture=score_curve(
            [second.second + 1.0 for second in file.scores],
            [second.score for second in file.scores],
            sums=main.verdicts[index].sums,
            limit=main.limit.value,
            states=["not judged" if state is None else state.value for state in main.verdicts[index].states],
            title=f"{clip.path.name}: score of the {MAIN}, and the sum that decides",
        ),
    )


def _spectrogram(path: Path) -> bytes:
    """Picture of the first seconds of a clip; a long file is not read to its end."""
    samples = next(blocks(path, block_s=_SHOWN_S))
    level_db = 10.0 * np.log10(mel_power(samples) + FLOOR)
    return spectrogram(level_db, hop_s=HOP_S, edges_hz=pooled_edges_hz(N_MELS), title=path.name)


def _origin(ours: Evaluation, theirs: Evaluation | None) -> list[list[object]]:
    rows: list[list[object]] = [["what", "which"], ["recordings", str(ours.folder)]]
    for title, evaluation in (("bundle", ours), ("compared with", theirs)):
        if evaluation is not None:
            manifest = evaluation.bundle.manifest
            made = f"{evaluation.bundle.path}, trained {local_time(manifest.created_at.timestamp())}"
            rows += [[title, made], ["its data", manifest.data_fingerprint[:16]]]
            rows.append(["its code", manifest.code_fingerprint[:16]])
    return rows + [["left out", f"{file.path.name}: {file.error}"] for file in ours.left_out]
