"""Score files in the format of DCASE Task 2: one of scores and one of decisions for each section."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from anomaly import atomic
from anomaly.evaluate.metrics.dcase_metrics import Edition


@dataclass(frozen=True)
class ScoredFile:
    """Score and decision of one test file, labelled or not.

    Attributes:
        path: the file.
        section: the number in its name.
        domain: source or target, where folders distinguish them (2021).
        score: higher is more anomalous.
        alarm: whether the decision is anomaly.
    """

    path: Path
    section: str
    domain: str | None
    score: float
    alarm: bool


def write_challenge_files(
    folder: Path, machine: str, scored: Sequence[ScoredFile], edition: Edition
) -> list[Path]:
    """Write ``anomaly_score_…csv`` and, from 2021, ``decision_result_…csv``: file name and value, without a head.

    Names: 2020 ``anomaly_score_<machine>_id_<nn>.csv``, 2021 ``…_<machine>_section_<nn>_<domain>_test.csv``, later
    ``…_<machine>_section_<nn>_test.csv``. Files are sorted by name, as the evaluators expect.

    Raises:
        ConfigError: the folder cannot be written.
    """
    groups: dict[str, list[ScoredFile]] = {}
    for one in sorted(scored, key=lambda one: one.path.name):
        groups.setdefault(_stem(one, edition), []).append(one)
    written = []
    for stem, members in sorted(groups.items()):
        tables = {"anomaly_score": [(one.path.name, repr(one.score)) for one in members]}
        if edition != "2020":
            tables["decision_result"] = [(one.path.name, str(int(one.alarm))) for one in members]
        for kind, rows in tables.items():
            path = folder / f"{kind}_{machine}_{stem}.csv"
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows(rows)
            atomic.write_bytes(path, text.getvalue().encode())
            written.append(path)
    return written


def _stem(one: ScoredFile, edition: Edition) -> str:
    if edition == "2020":
        return f"id_{one.section}"
    domain = f"_{one.domain}" if edition == "2021" else ""
    return f"section_{one.section}{domain}_test"
