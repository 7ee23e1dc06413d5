"""Report of a bench: figures, ROC curves, histograms of scores and heat maps of faults."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from anomaly import atomic
from anomaly.evaluate.bench.rounds import Round, Rounds
from anomaly.evaluate.bench.summary import SetFigures, summarise_rounds
from anomaly.evaluate.bench.tables import as_csv, as_json, table
from anomaly.evaluate.metrics.detection_metrics import roc_curve
from anomaly.evaluate.reporting import plots
from anomaly.evaluate.reporting.html_report import ReportSection, write_report

JSON_NAME, CSV_NAME = "bench.json", "bench.csv"
_LEGEND = """Each cell: AUC with its 95 % interval over recordings, normals included, and partial AUC where at most a
tenth of normal sound raises an alarm; means over seeds. "resolves": the smallest difference of AUC between two
detectors that this test distinguishes from none, with 95 % confidence. The level is that of the machine, or of
the fault, over the background in dB; of simulated faults it is their severity."""


def write_bench(folder: Path, rounds: Rounds, seeds: int, notes: Sequence[str] = ()) -> list[Path]:
    """Write index.html, its pictures, bench.json and bench.csv.

    Raises:
        ConfigError: the folder cannot be written, or the packages for reports are missing.
    """
    values = as_json(rounds)
    means = {f"mean AUC, {name}": found["auc"] for name, found in values["mean_over_sets"].items()}
    summary = "; ".join([f"{seeds} seed{'s' if seeds != 1 else ''}", *notes, *values["notes"]]) + "."
    page = write_report(folder, "Detection bench", list(_sections(rounds)), summary=summary, figures=means)
    text = json.dumps({**values, "seeds": seeds}, indent=2)
    atomic.write_bytes(folder / JSON_NAME, text.encode() + b"\n")
    atomic.write_bytes(folder / CSV_NAME, as_csv(rounds))
    return [page, folder / JSON_NAME, folder / CSV_NAME]


def _sections(rounds: Rounds) -> Iterator[ReportSection]:
    yield ReportSection("Figures", _LEGEND, rows=table(rounds))
    for name, levels in summarise_rounds(rounds).items():
        for level, row in levels.items():
            played = {detector: rounds[name, level, detector] for detector in row}
            title = f"{name} at {level}"
            yield ReportSection(f"{title}: ROC curves of the first seed", picture=_roc(played))
            for detector, found in played.items():
                picture = _histogram(found[0])
                yield ReportSection(f"{title}: scores of {detector}, first seed", picture=picture)
        for detector in next(iter(levels.values())):
            faults = {level: row[detector] for level, row in levels.items()}
            yield ReportSection(f"{name}: AUC of {detector}, fault by level", picture=_heat(faults))


def _roc(played: dict[str, list[Round]]) -> bytes:
    curves = {name: roc_curve(found[0].labels, found[0].scores) for name, found in played.items()}
    return plots.roc(
        {name: (one.false_positive_rate, one.true_positive_rate) for name, one in curves.items()}
    )


def _histogram(one: Round) -> bytes:
    scores, labels = np.asarray(one.scores), np.asarray(one.labels)
    return plots.score_histogram(scores[~labels], scores[labels])


def _heat(levels: dict[str, SetFigures]) -> bytes:
    faults = list(next(iter(levels.values())).faults)
    return plots.heat_map(
        [[found.faults[fault] for found in levels.values()] for fault in faults], faults, list(levels)
    )
