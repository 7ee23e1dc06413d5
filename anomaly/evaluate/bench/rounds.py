"""Rounds of the bench: each detector is trained on a set's normal sound and scores its test clips.

A bench detector is a function ``fit(train, seed)`` that returns scoring functions by detector name; each takes clips
and returns one number per clip, higher for more anomalous sound. Scores are cached in a folder, so that an interrupted
run continues where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from anomaly import atomic
from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.detect.decision import Limit
from anomaly.errors import InputError
from anomaly.evaluate.bench.clips import DetectionSet, Samples

Score = Callable[[Sequence[Samples]], Sequence[float]]
# Tail probability of each second of each clip.
PValues = list[list[float]]
Training = Callable[[Sequence[Samples], int], Mapping[str, Score]]
Log = Callable[[str], None]


@runtime_checkable
class DecidingScore(Protocol):
    """Score function of a detector whose alarm decision can be tried too."""

    def __call__(self, clips: Sequence[Samples]) -> Sequence[float]:
        """Return one score for each clip."""

    def decision_input(self, clips: Sequence[Samples]) -> tuple[PValues, Limit]:
        """Return the tail probabilities of the clips, and the limit of the decision."""


@dataclass(frozen=True)
class BenchDetector:
    """Training of one or several detectors for the bench.

    Attributes:
        name: name in messages and in the cache.
        fit: trains on clips with a seed; returns scoring functions by detector name.
        code: changes when the results may change, such as a hash of the source; part of the cache key.
    """

    name: str
    fit: Training
    code: str = ""


@dataclass(frozen=True)
class Round:
    """Scores of one detector on one test with one seed, and the labels of its clips.

    Attributes:
        scores: one for each clip.
        labels: true for anomalies.
        faults, recordings, conditions: as those of the clips.
        train_s: seconds its training took, once for all sets that share it.
        p_values: tail probability of each second of each clip; None for a detector without a decision.
        limit: limit of the decision; 0 without one.
    """

    scores: list[float]
    labels: list[bool]
    faults: list[str | None]
    recordings: list[str]
    conditions: list[str | None]
    train_s: float = 0.0
    p_values: PValues | None = None
    limit: float = 0.0


# (set, level, detector) → one round per seed.
Rounds = dict[tuple[str, str, str], list[Round]]


class RoundCache:
    """Cache of scores, keyed by detector, training and test sound, and seed.

    Args:
        folder: made with the first entry; None caches nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def path(self, group: Sequence[DetectionSet], seed: int, detector: BenchDetector) -> Path | None:
        """Return the file of the scores of a detector on sets that share their training."""
        if self._folder is None:
            return None
        total = hashlib.sha256(f"{detector.name}\0{detector.code}\0{seed}\0".encode())
        for samples in (*group[0].train, *(clip.samples for one in group for clip in one.test)):
            total.update(np.ascontiguousarray(samples).data)
        levels = "_".join(f"{one.level:g}" for one in group)
        return self._folder / f"{group[0].name}_{levels}_{seed}_{detector.name}_{total.hexdigest()[:16]}.json"

    def get(self, path: Path | None) -> _CachedRound | None:
        """Read an entry; None if there is none or it cannot be read."""
        try:
            return None if path is None else _CachedRound(**json.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def put(self, path: Path | None, cached: _CachedRound) -> None:
        """Write an entry.

        Raises:
            ConfigError: the folder cannot be written.
        """
        if path is not None:
            atomic.write_bytes(path, json.dumps(vars(cached)).encode())


@dataclass(frozen=True)
class _CachedRound:
    """Scores of each detector on each set of a group, the duration of the training, and the input of decisions."""

    scores: dict[str, list[list[float]]]
    train_s: float
    p_values: dict[str, list[PValues]] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)


def run_rounds(
    rounds: Rounds,
    group: Sequence[DetectionSet],
    seed: int,
    detectors: Sequence[BenchDetector],
    *,
    cache: RoundCache | None = None,
    log: Log = lambda _line: None,
) -> None:
    """Train every detector once on sets that share their training, score the tests, and add to ``rounds``.

    Raises:
        InputError: a detector gave no finite number for a clip.
    """
    cache = cache or RoundCache(None)
    for detector in detectors:
        path = cache.path(group, seed, detector)
        cached = cache.get(path)
        if cached is None:
            cached = _train_and_score(group, seed, detector, log)
            cache.put(path, cached)
        else:
            log(f"{_title(group, seed)}: {detector.name} was scored before")
        for name, by_set in cached.scores.items():
            p_values = cached.p_values.get(name, [None] * len(group))
            for one, scores, own in zip(group, by_set, p_values, strict=True):
                key = (one.name, f"{one.level:g}", name)
                made = replace(
                    _round(one, scores, cached.train_s), p_values=own, limit=cached.limits.get(name, 0.0)
                )
                rounds.setdefault(key, []).append(made)


def _train_and_score(
    group: Sequence[DetectionSet], seed: int, detector: BenchDetector, log: Log
) -> _CachedRound:
    where = _title(group, seed)
    minutes = sum(map(len, group[0].train)) / SAMPLE_RATE_HZ / 60
    log(f"{where}: training {detector.name} on {minutes:.1f} min of sound")
    started = time.monotonic()
    score_functions = detector.fit(group[0].train, seed)
    trained = time.monotonic()
    scores = {
        name: [[float(value) for value in score([clip.samples for clip in one.test])] for one in group]
        for name, score in score_functions.items()
    }
    p_values, limits = {}, {}
    for name, score in score_functions.items():
        if isinstance(score, DecidingScore):
            found = [score.decision_input([clip.samples for clip in one.test]) for one in group]
            p_values[name], limits[name] = [own for own, _ in found], found[0][1].value
    for name, by_set in scores.items():
        if not all(np.isfinite(values).all() for values in by_set):
            raise InputError(f"{name} gave a score that is no finite number", where=where)
    clips, scored = sum(len(one.test) for one in group), time.monotonic() - trained
    log(
        f"{where}: {detector.name} trained in {trained - started:.0f} s, scored {clips} clips in {scored:.0f} s"
    )
    return _CachedRound(scores, trained - started, p_values, limits)


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
