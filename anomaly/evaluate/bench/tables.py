"""Figures of a bench as a table, JSON and CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from typing import Any

from anomaly.evaluate.bench.comparison import compare_detectors, mean_over_sets, resolutions
from anomaly.evaluate.bench.rounds import Rounds
from anomaly.evaluate.bench.summary import SetFigures, summarise_rounds

NOTES = {
    "rig": "rig: a single recording of each condition, its first second trained on and its second tested",
    "slider-fault": "slider-fault: modelled faults in real held-out clips",
    "bldc-mix": "bldc-mix: train and test pieces of a normal motor are cuts of one recording; backgrounds are not",
}


def as_json(rounds: Rounds) -> dict[str, Any]:
    """Return all figures as JSON values: ``sets`` by set, level and detector, means, differences and resolution."""
    results = summarise_rounds(rounds)
    names = list(dict.fromkeys(detector for _, _, detector in rounds))
    pairs = {
        f"{a} less {b}": compare_detectors(rounds, a, b) for i, a in enumerate(names) for b in names[i + 1 :]
    }
    return {
        "sets": {
            name: {
                level: {detector: asdict(figures) for detector, figures in row.items()}
                for level, row in levels.items()
            }
            for name, levels in results.items()
        },
        "mean_over_sets": mean_over_sets(results),
        "differences": {title: pair.as_json() for title, pair in pairs.items() if pair is not None},
        "resolution": {
            name: {level: asdict(one) for level, one in levels.items()}
            for name, levels in resolutions(rounds).items()
        },
        "notes": [note for name, note in NOTES.items() if name in results],
    }


def table(rounds: Rounds) -> list[list[str]]:
    """A head and a line for each set and level: AUC with its interval, and pAUC, of each detector."""
    results = summarise_rounds(rounds)
    resolution = resolutions(rounds)
    names = list(dict.fromkeys(detector for _, _, detector in rounds))
    head = ["set", "level", *(f"{name} {figure}" for name in names for figure in ("AUC", "pAUC")), "resolves"]
    lines = [head]
    for name, levels in results.items():
        for level, row in levels.items():
            cells = [cell for detector in names for cell in _cells(row, detector)]
            least = resolution[name][level].least
            lines.append([name, level, *cells, "" if least is None else f"{least:.3f}"])
    means = mean_over_sets(results)
    if len(results) > 1 and means:
        cells = [f"{means[detector][figure]:.3f}" for detector in names for figure in ("auc", "pauc")]
        lines.append(["mean over sets", "", *cells, ""])
    return lines


def as_csv(rounds: Rounds) -> bytes:
    """One row for each set, level and detector, and one for each of its faults and conditions."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["set", "level", "detector", "part", "auc", "ci_low", "ci_high", "pauc", "f1_ev"])
    for name, levels in summarise_rounds(rounds).items():
        for level, row in levels.items():
            for detector, got in row.items():
                where = [name, level, detector]
                writer.writerow([*where, "all", got.auc, *got.ci, got.pauc, got.f1_ev])
                for fault, area in got.faults.items():
                    writer.writerow(
                        [*where, fault, area, "", "", got.fault_pauc[fault], got.fault_f1_ev[fault]]
                    )
                for place, area in got.conditions.items():
                    writer.writerow([*where, place, area, "", "", "", ""])
    return text.getvalue().encode()


def _cells(row: dict[str, SetFigures], detector: str) -> list[str]:
    got = row.get(detector)
    if got is None:
        return ["", ""]
    return [f"{got.auc:.3f} ({got.ci[0]:.3f} to {got.ci[1]:.3f})", f"{got.pauc:.3f}"]
