"""Detectors as plug-ins: each is trained on a set's normal sound and scores its test clips.

A plug-in is a function ``fit(train, seed)`` that returns scoring functions by detector name; each takes clips and
returns one number for each, higher for stranger sound. What has been scored is kept in a folder, so that an
interrupted run goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anomaly import atomic
from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.errors import InputError
from anomaly.evaluate.bench.clips import DetectionSet, Samples

Score = Callable[[Sequence[Samples]], Sequence[float]]
Training = Callable[[Sequence[Samples], int], Mapping[str, Score]]
Say = Callable[[str], None]


@dataclass(frozen=True)
class BenchDetector:
    """A way to train one or several detectors.

    Attributes:
        name: what to call it while it runs.
        fit: trains on clips with a seed; returns the detectors that come of it.
        code: changes when its results may change, such as a hash of its source; they are kept under this.
    """

    name: str
    fit: Training
    code: str = ""


@dataclass(frozen=True)
class Round:
    """One detector's scores on one test with one seed, and the truth about its clips.

    Attributes:
        scores: one for each clip.
        labels: true for anomalies.
        faults, recordings, conditions: as those of the clips.
        train_s: seconds its training took, once for all sets that share it.
    """

    scores: list[float]
    labels: list[bool]
    faults: list[str | None]
    recordings: list[str]
    conditions: list[str | None]
    train_s: float = 0.0


# (set, level, detector) → one round per seed.
Rounds = dict[tuple[str, str, str], list[Round]]


class FinishedRound:
    """Scores of earlier runs, by what was trained on what with which seed.

    Args:
        folder: made when there is something to keep; None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def path(self, group: Sequence[DetectionSet], seed: int, who: BenchDetector) -> Path | None:
        """Where the scores of a contestant on sets that share their training are kept."""
        if self._folder is None:
            return None
        total = hashlib.sha256(f"{who.name}\0{who.code}\0{seed}\0".encode())
        for samples in (*group[0].train, *(clip.samples for one in group for clip in one.test)):
            total.update(np.ascontiguousarray(samples).data)
        levels = "_".join(f"{one.level:g}" for one in group)
        return self._folder / f"{group[0].name}_{levels}_{seed}_{who.name}_{total.hexdigest()[:16]}.json"

    def get(self, path: Path | None) -> _Kept | None:
        """What was kept there; None if nothing, or nothing that can be read."""
        try:
            return None if path is None else _Kept(**json.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def put(self, path: Path | None, kept: _Kept) -> None:
        """Keep scores.

        Raises:
            ConfigError: the folder cannot be written.
        """
        if path is not None:
            atomic.write_bytes(path, json.dumps(vars(kept)).encode())


@dataclass(frozen=True)
class _Kept:
    """Scores of each detector on each set of a group, and how long training took."""

    scores: dict[str, list[list[float]]]
    train_s: float


def run_rounds(
    rounds: Rounds,
    group: Sequence[DetectionSet],
    seed: int,
    contestants: Sequence[BenchDetector],
    *,
    finished: FinishedRound | None = None,
    say: Say = lambda _words: None,
) -> None:
    """Train every contestant once on sets that share their training, score the tests, and add to ``rounds``.

    Raises:
        InputError: a detector gave no finite number for a clip.
    """
    kept_in = finished or FinishedRound(None)
    for who in contestants:
        path = kept_in.path(group, seed, who)
        kept = kept_in.get(path)
        if kept is None:
            kept = _run(group, seed, who, say)
            kept_in.put(path, kept)
        else:
            say(f"{_title(group, seed)}: {who.name} was scored before")
        for detector, by_set in kept.scores.items():
            for one, scores in zip(group, by_set, strict=True):
                key = (one.name, f"{one.level:g}", detector)
                rounds.setdefault(key, []).append(_round(one, scores, kept.train_s))


def _run(group: Sequence[DetectionSet], seed: int, who: BenchDetector, say: Say) -> _Kept:
    where = _title(group, seed)
    minutes = sum(map(len, group[0].train)) / SAMPLE_RATE_HZ / 60
    say(f"{where}: training {who.name} on {minutes:.1f} min of sound")
    started = time.monotonic()
    detectors = who.fit(group[0].train, seed)
    trained = time.monotonic()
    scores = {
        name: [[float(value) for value in score([clip.samples for clip in one.test])] for one in group]
        for name, score in detectors.items()
    }
    for name, by_set in scores.items():
        if not all(np.isfinite(values).all() for values in by_set):
            raise InputError(f"{name} gave a score that is no finite number", where=where)
    clips, scored = sum(len(one.test) for one in group), time.monotonic() - trained
    say(f"{where}: {who.name} trained in {trained - started:.0f} s, scored {clips} clips in {scored:.0f} s")
    return _Kept(scores, trained - started)


def _title(group: Sequence[DetectionSet], seed: int) -> str:
    return f"{group[0].name} {'/'.join(f'{one.level:g}' for one in group)}, seed {seed}"


def _round(one: DetectionSet, scores: Sequence[float], train_s: float) -> Round:
    return Round(
        scores=list(scores),
        labels=[clip.label == "anomaly" for clip in one.test],
        faults=[clip.fault for clip in one.test],
        recordings=[clip.recording for clip in one.test],
        conditions=[clip.condition for clip in one.test],
        train_s=train_s,
    )
