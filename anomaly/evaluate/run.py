"""Evaluation of one bundle on one folder of recordings: each test clip is scored by each of its detectors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from anomaly.audio.sensor.sensor_check import DeadMicrophoneCheck
from anomaly.bundle import Bundle, fingerprint
from anomaly.detect.decision import Limit, State
from anomaly.detect.file_score import FileScore, score_file
from anomaly.detect.model import load_model
from anomaly.detect.scoring import Scorer
from anomaly.detect.verdict import Verdict
from anomaly.errors import InputError
from anomaly.evaluate.layouts.layouts import Clip, DataSet, read_layout
from anomaly.evaluate.metrics.alarm_rates import Confusion, confusion
from anomaly.evaluate.metrics.false_alarms import FalseAlarms, decided_p_values, false_alarms
from anomaly.evaluate.metrics.joined_alarms import JoinedAlarms, joined_by_fault
from anomaly.evaluate.metrics.per_fault import UNNAMED, DetectionFigures, detection_figures
from anomaly.progress import Report

BUDGET_PER_DAY = 1.0
# Test files of DCASE evaluation sets: id_01_00000000, section_00_0000, section_03_source_test_0000.
_HIDDEN = re.compile(r"id_\d+_\d+|section_\d+_(?:(?:source|target)_test_)?\d+")
_TESTS = ("test", "source_test", "target_test")


@dataclass(frozen=True, eq=False)
class Outcome:
    """Scores, decisions and figures of one detector on the test clips.

    Args:
        scored: every clip in the order of `Evaluation.clips`, each with its verdict.
        detection: AUC, partial AUC, faults.
        false_alarms: on the normal clips; None without any.
        confusion: a clip raises an alarm if the decision reached ALARM within it.
        alarmed: faults that reach ALARM within a minute, clips of a fault in a row, by fault.
        supported_p: smallest probability that the calibration's data support without extrapolation.
        limit: limit of the decision.
    """

    scored: tuple[FileScore, ...]
    detection: DetectionFigures
    false_alarms: FalseAlarms | None
    confusion: Confusion
    alarmed: Mapping[str, JoinedAlarms]
    supported_p: float
    limit: Limit

    @property
    def verdicts(self) -> list[Verdict]:
        """One for each clip."""
        return [file.verdict for file in self.scored if file.verdict is not None]

    @property
    def scores(self) -> npt.NDArray[np.float64]:
        """One for each clip, shape [clips]."""
        return np.array([verdict.score for verdict in self.verdicts])


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Evaluation of a bundle on a folder of recordings.

    Args:
        bundle: the bundle under test.
        folder: the folder of recordings.
        data: layout of the folder.
        clips: the test clips that could be scored.
        left_out: test files that could not be, each with its error.
        outcomes: one for each detector.
        unlabelled: scores of test files with hidden labels, by detector.
        notes: restrictions that a reader of the figures must know.
    """

    bundle: Bundle
    folder: Path
    data: DataSet
    clips: tuple[Clip, ...]
    left_out: tuple[FileScore, ...]
    outcomes: Mapping[str, Outcome]
    notes: tuple[str, ...]
    unlabelled: Mapping[str, tuple[FileScore, ...]]

    @property
    def labels(self) -> npt.NDArray[np.bool_]:
        """True for anomalies, shape [clips]."""
        return labels_of(self.clips)


def labels_of(clips: tuple[Clip, ...]) -> npt.NDArray[np.bool_]:
    """True for anomalies, shape [clips]."""
    return np.array([clip.label == "anomaly" for clip in clips], dtype=bool)


def evaluate(
    bundle: Bundle,
    folder: Path,
    *,
    strict: bool = False,
    report: Report = lambda _stage, _share: None,
    stage: str = "scoring",
) -> Evaluation:
    """Score the test part of a folder with the detectors of a bundle.

    Where the folder has no normals to test with, a fifth of its normal recordings is set aside by name; a note
    says so, and another if the bundle was trained on them.

    Args:
        bundle: the bundle under test.
        folder: the recordings.
        strict: raise at the first test file that cannot be scored, instead of leaving it out.
        report: receives the progress.
        stage: name of the stage in the progress.

    Raises:
        ModelError: the bundle cannot be run.
        InputError: the folder cannot be used, or nothing in its test part can be scored; with ``strict`` the first
            file that cannot be.
    """
    model = load_model(bundle)
    data = read_layout(folder, hold_out=True)
    _check_test(data, folder, bundle.manifest.machine)
    names = tuple(model.scorers)
    limits = {name: model.scorer(name).calibration.limit(BUDGET_PER_DAY) for name in names}
    found: dict[str, list[FileScore]] = {name: [] for name in names}
    for done, clip in enumerate(data.test, start=1):
        for name in names:
            found[name].append(_scored(clip.path, model.scorer(name), limits[name]))
        _check_scored(found[names[0]][-1], strict)
        report(stage, done / len(data.test))
    # What is wrong with a file is wrong for every detector.
    first = found[names[0]]
    clips = tuple(clip for clip, file in zip(data.test, first, strict=True) if file.verdict is not None)
    left_out = tuple(file for file in first if file.verdict is None)
    if not clips:
        reason = f"{left_out[0].path.name} {left_out[0].error}"
        raise InputError("no clip of the test part can be scored", where=folder, hint=reason)
    outcomes = {name: _outcome(clips, found[name], limits[name], model.scorer(name)) for name in names}
    unlabelled = {name: _unlabelled(data, model.scorer(name), limits[name]) for name in names}
    truncated = tuple(file for file in first if file.status == "truncated")
    notes = _notes(data, folder, bundle, left_out, truncated)
    return Evaluation(bundle, folder, data, clips, left_out, outcomes, notes, unlabelled)


def _scored(path: Path, scorer: Scorer, limit: Limit) -> FileScore:
    return score_file(path, scorer, limit, sensor=DeadMicrophoneCheck())


def _check_scored(file: FileScore, strict: bool) -> None:
    if strict and (file.verdict is None or file.status == "truncated"):
        hint = "mend it or take it out; without --strict it is left out"
        raise InputError(file.error or "cannot be scored", where=file.path, hint=hint)


def _unlabelled(data: DataSet, scorer: Scorer, limit: Limit) -> tuple[FileScore, ...]:
    """Scores of a challenge's evaluation files, whose labels are hidden."""
    hidden = [path for path in data.left_out if _HIDDEN.fullmatch(path.stem) and path.parent.name in _TESTS]
    scored = [_scored(path, scorer, limit) for path in hidden]
    return tuple(file for file in scored if file.verdict is not None)


def _outcome(clips: tuple[Clip, ...], files: list[FileScore], limit: Limit, scorer: Scorer) -> Outcome:
    scored = tuple(file for file in files if file.verdict is not None)
    verdicts = [file.verdict for file in scored if file.verdict is not None]
    labels = labels_of(clips)
    normal = [file for file, anomalous in zip(scored, labels, strict=True) if not anomalous]
    alarmed = [verdict.state is State.ALARM for verdict in verdicts]
    return Outcome(
        scored,
        detection_figures(
            labels,
            [verdict.score for verdict in verdicts],
            faults=[clip.fault for clip in clips],
            recordings=[clip.recording for clip in clips],
        ),
        false_alarms(normal, limit),
        confusion(labels, alarmed, 0.5),
        _joined(clips, scored, limit),
        scorer.calibration.supported_p,
        limit,
    )


def _joined(clips: tuple[Clip, ...], scored: tuple[FileScore, ...], limit: Limit) -> dict[str, JoinedAlarms]:
    faulty = [
        (clip.fault or UNNAMED, [p_value for p_value in decided_p_values(file) if p_value is not None])
        for clip, file in zip(clips, scored, strict=True)
        if clip.label == "anomaly"
    ]
    return joined_by_fault(faulty, limit)


def _check_test(data: DataSet, folder: Path, machine: str) -> None:
    if not data.test:
        test_set = f"data/{machine}-test"
        raise InputError(
            "nothing to test with here: a single recording cannot be split",
            where=folder,
            hint="put recordings that were not trained on into test/, named normal_* and anomaly_*;\n"
            f"  for a simulated machine `anomaly data simulate --machine {machine} --dataset --out {test_set}`,\n"
            f"  then `anomaly evaluate --machine {machine} --data {test_set}`",
        )


def _notes(
    data: DataSet,
    folder: Path,
    bundle: Bundle,
    left_out: tuple[FileScore, ...],
    truncated: tuple[FileScore, ...],
) -> tuple[str, ...]:
    notes = []
    if data.held_out_by_us:
        notes.append(
            "the folder has no normal test sound of its own: a fifth of its normal recordings was set aside"
        )
        everything = [clip.path for clip in (*data.train, *data.test) if clip.label == "normal"]
        if (
            fingerprint.of_files(everything, base=folder, skip_unreadable=True)
            == bundle.manifest.data_fingerprint
        ):
            notes.append("but this bundle was trained on all of them, so its figures on normals are too good")
    if data.shared_recordings:
        shared = len(data.shared_recordings)
        notes.append(
            f"{shared} recordings have pieces in training and test: on new recordings it will do worse than here"
        )
    if data.left_out:
        notes.append(f"{len(data.left_out)} files say neither normal nor anomaly, and were left out")
    notes += [f"used in part: {file.path}: {file.error}" for file in truncated]
    if left_out:
        notes.append(f"{len(left_out)} test files could not be scored, and were left out")
    return tuple(notes)
