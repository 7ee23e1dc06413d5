"""An evaluation by the rules of DCASE Task 2, where the files' names say that this is what it is."""

from __future__ import annotations

from pathlib import Path

from anomaly.detect.decision import State
from anomaly.detect.file_score import FileScore
from anomaly.evaluate.layouts.file_names import read_name
from anomaly.evaluate.metrics.dcase_files import Scored, write_challenge_files
from anomaly.evaluate.metrics.dcase_metrics import Edition, Official, edition_of, official
from anomaly.evaluate.run import Evaluation

FOLDER = "official"


def edition(evaluation: Evaluation) -> Edition | None:
    """The edition whose rules apply; None if the test's names are not those of DCASE Task 2."""
    return edition_of([file.path for file in _files(evaluation, "student")])


def official_figures(evaluation: Evaluation, name: str) -> Official | None:
    """Official figures of a detector; None where no edition's rules apply or the test has no anomalies.

    Raises:
        InputError: a score is not a finite number.
    """
    rules = edition(evaluation)
    if rules is None or not evaluation.labels.any() or evaluation.labels.all():
        return None
    outcome = evaluation.outcomes[name]
    alarms = [verdict.state is State.ALARM for verdict in outcome.verdicts]
    return official(evaluation.clips, outcome.scores, alarms, rules)


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
    """Scored files of the test, labelled or not; those set aside from training are none of it."""
    labelled = evaluation.outcomes[name].scored
    ours = [
        file for file in labelled if not evaluation.data.held_out_by_us or file.path.parent.name != "train"
    ]
    return [*ours, *evaluation.unlabelled[name]]


def _scored(file: FileScore) -> Scored:
    named = read_name(Path(*file.path.parts[-2:]))
    if file.verdict is None or named.section is None:
        raise ValueError(f"{file.path} has no score or no section")
    return Scored(
        file.path, named.section, named.domain, file.verdict.score, file.verdict.state is State.ALARM
    )
