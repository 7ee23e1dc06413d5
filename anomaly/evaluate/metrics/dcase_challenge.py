"""Evaluation by the rules of DCASE Task 2, for files with its names."""

from __future__ import annotations

from pathlib import Path

from anomaly.detect.decision import State
from anomaly.detect.file_score import FileScore
from anomaly.evaluate.layouts.file_names import parse_name
from anomaly.evaluate.metrics.dcase_files import ScoredFile, write_challenge_files
from anomaly.evaluate.metrics.dcase_metrics import DcaseFigures, Edition, dcase_figures, edition_of
from anomaly.evaluate.run import Evaluation

FOLDER = "official"


def edition(evaluation: Evaluation) -> Edition | None:
    """Return the edition whose rules apply; None if the names are not those of DCASE Task 2."""
    return edition_of([file.path for file in _files(evaluation, "student")])


def official_figures(evaluation: Evaluation, name: str) -> DcaseFigures | None:
    """Return the official figures of a detector; None where no edition's rules apply or the test has no anomalies.

    Raises:
        InputError: a score is not a finite number.
    """
    rules = edition(evaluation)
    if rules is None or not evaluation.labels.any() or evaluation.labels.all():
        return None
    outcome = evaluation.outcomes[name]
    alarms = [verdict.state is State.ALARM for verdict in outcome.verdicts]
    return dcase_figures(evaluation.clips, outcome.scores, alarms, rules)


def write_official(folder: Path, evaluation: Evaluation) -> list[Path]:
    """Write the score files of each detector into ``official/<detector>/``; none where no edition's rules apply.

    A clip's decision is 1 if the decision reached ALARM within it. The machine is the folder's name.

    Raises:
        ConfigError: the folder cannot be written.
    """
    rules = edition(evaluation)
    written: list[Path] = []
    if rules is None:
        return written
    for name in evaluation.outcomes:
        scored = [_scored(file) for file in _files(evaluation, name)]
        written += write_challenge_files(folder / FOLDER / name, evaluation.data.name, scored, rules)
    return written


def _files(evaluation: Evaluation, name: str) -> list[FileScore]:
    """Return the scored files of the test, labelled or not, without those held out from training."""
    labelled = evaluation.outcomes[name].scored
    ours = [
        file for file in labelled if not evaluation.data.held_out_by_us or file.path.parent.name != "train"
    ]
    return [*ours, *evaluation.unlabelled[name]]


def _scored(file: FileScore) -> ScoredFile:
    named = parse_name(Path(*file.path.parts[-2:]))
    if file.verdict is None or named.section is None:
        raise ValueError(f"{file.path} has no score or no section")
    return ScoredFile(
        file.path, named.section, named.domain, file.verdict.score, file.verdict.state is State.ALARM
    )
