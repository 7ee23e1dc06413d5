"""The report of an evaluation: what was tested, the figures, and the clips that went wrong."""

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
from anomaly.evaluate.reporting.time_plots import spectrogram
from anomaly.evaluate.run import BUDGET_PER_DAY, Evaluation
from anomaly.features.mel import FLOOR, HOP_S, N_MELS, mel_power, pooled_edges_hz

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
        ours: what was asked for.
        theirs: what it is compared with.
        other: what to call it.

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
        summary=_summary(ours),
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


def _summary(ours: Evaluation) -> str:
    detection = ours.outcomes["student"].detection
    words = [f"{detection.normals} normal and {detection.anomalies} anomalous clips", *ours.notes]
    if detection.reason is not None:
        words.append(detection.reason)
    return "; ".join(words) + "."


def _large(ours: Evaluation) -> dict[str, object]:
    shown: dict[str, object] = {}
    for name, outcome in ours.outcomes.items():
        if outcome.detection.auc is not None:
            shown[f"AUC, {name}"] = outcome.detection.auc
            shown[f"pAUC, {name}"] = outcome.detection.pauc
        elif outcome.false_alarms is not None:
            shown[f"false alarms an hour, {name}"] = outcome.false_alarms.rate.per_hour
    return shown


def _sections(ours: Evaluation, theirs: Evaluation | None, other: str) -> Iterator[ReportSection]:
    yield ReportSection("Figures", _FIGURES, rows=table(ours, theirs, other=other))
    if ours.outcomes["student"].detection.auc is not None:
        yield ReportSection("Finding anomalies against crying wolf", picture=_roc(ours, theirs, other))
        if ours.data.faults:
            yield ReportSection("Fault by fault", picture=_faults(ours, theirs, other))
    labels = ours.labels
    for name, outcome in ours.outcomes.items():
        scores = outcome.scores
        yield ReportSection(
            f"Scores of the {name}", _SCORES, plots.score_histogram(scores[~labels], scores[labels])
        )
    for name in ours.outcomes:
        yield _confusion(ours, name)
    yield from _hardest(ours)
    yield ReportSection("Where this comes from", rows=_origin(ours, theirs))


_FIGURES = f"""AUC: the probability that an anomaly scores higher than a normal clip. pAUC: the same where at most a
tenth of normal clips raises an alarm, scaled so that chance is 0.5. Intervals are 95 %, over recordings.

False alarms: times the decision went into ALARM while the normal clips were played one after the other, with a budget
of {BUDGET_PER_DAY:g} a day; "below" is what so much sound can rule out, with 95 % confidence. If the calibration is
right, {UNLIKELY_P:.0%} of normal seconds have p ≤ {UNLIKELY_P:g}."""
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
    faults = list(ours.outcomes["student"].detection.faults)
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
    """The student's ten worst clips to look at: its most alarming normals and least alarming anomalies, in halves."""
    scores = ours.outcomes["student"].scores
    order = [int(index) for index in np.argsort(scores)]
    normals = [i for i in reversed(order) if ours.clips[i].label == "normal"]
    anomalies = [i for i in order if ours.clips[i].label == "anomaly"]
    # Where one kind has fewer, the other has more.
    share = max(_WORST // 2, _WORST - len(anomalies))
    normals = normals[:share]
    anomalies = anomalies[: _WORST - len(normals)]
    for words, chosen in (("Normal with a high score", normals), ("Anomaly with a low score", anomalies)):
        for index in chosen:
            yield _clip(ours, index, words)


def _clip(ours: Evaluation, index: int, words: str) -> ReportSection:
    clip = ours.clips[index]
    rows: list[list[object]] = [["detector", "score", "p", "state"]]
    for name, outcome in ours.outcomes.items():
        verdict = outcome.verdicts[index]
        rows.append([name, verdict.score, verdict.p_value, verdict.state.value])
    return ReportSection(f"{words}: {clip.path.name}", picture=_spectrogram(clip.path), rows=rows)


def _spectrogram(path: Path) -> bytes:
    """The first seconds of a clip; a file of hours is not read to its end."""
    samples = next(blocks(path, block_s=_SHOWN_S))
    level_db = 10.0 * np.log10(mel_power(samples) + FLOOR)
    return spectrogram(level_db, hop_s=HOP_S, edges_hz=pooled_edges_hz(N_MELS))


def _origin(ours: Evaluation, theirs: Evaluation | None) -> list[list[object]]:
    rows: list[list[object]] = [["what", "which"], ["recordings", str(ours.folder)]]
    for title, evaluation in (("bundle", ours), ("compared with", theirs)):
        if evaluation is not None:
            manifest = evaluation.bundle.manifest
            made = f"{evaluation.bundle.path}, trained {manifest.created_at.date().isoformat()}"
            rows += [[title, made], ["its data", manifest.data_fingerprint[:16]]]
            rows.append(["its code", manifest.code_fingerprint[:16]])
    return rows + [["left out", f"{file.path.name}: {file.error}"] for file in ours.left_out]
