"""Train detectors on detection sets, score the tests, and sum up over seeds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from baselines import Baseline, Samples
from sets import DetectionSet

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.evaluate.detection import measure
from anomaly.evaluate.metrics import Spread, bootstrap

Score = Callable[[Samples], float]
# Trains on clips with a seed, and returns the detectors that come of it.
Training = Callable[[Sequence[Samples], int], Mapping[str, Score]]


@dataclass(frozen=True)
class Round:
    """One detector's scores on one test with one seed, and the truth about its clips."""

    scores: list[float]
    labels: list[bool]
    faults: list[str | None]
    recordings: list[str]


# (set, level, detector) → one round per seed.
Rounds = dict[tuple[str, str, str], list[Round]]


@dataclass(frozen=True)
class Figures:
    """Means over seeds, with the 95 % interval of the mean AUC over recordings."""

    auc: float
    pauc: float
    ci: tuple[float, float]
    faults: dict[str, float]


# set → level → detector → figures.
Results = dict[str, dict[str, dict[str, Figures]]]


def baseline(name: str, make: Callable[[int], Baseline]) -> Training:
    """A baseline, made for a seed, as a training that gives one detector."""

    def train(clips: Sequence[Samples], seed: int) -> Mapping[str, Score]:
        detector = make(seed)
        detector.fit(clips)
        return {name: detector.score}

    return train


def shared_training(sets: Sequence[DetectionSet]) -> Iterator[list[DetectionSet]]:
    """Sets in groups that train on the very same sound."""
    groups: dict[int, list[DetectionSet]] = {}
    for one in sets:
        groups.setdefault(id(one.train), []).append(one)
    yield from groups.values()


def play(rounds: Rounds, sets: Sequence[DetectionSet], seed: int, trainings: Mapping[str, Training]) -> None:
    """Train everything once on each group of sets, score their tests, and add the scores to ``rounds``."""
    for group in shared_training(sets):
        where = f"{group[0].name} {'/'.join(f'{one.level_db:g}' for one in group)} dB, seed {seed}"
        minutes = sum(map(len, group[0].train)) / SAMPLE_RATE_HZ / 60
        for what, train in trainings.items():
            say(f"{where}: training {what} on {minutes:.1f} min of sound")
            started = time.monotonic()
            detectors = train(group[0].train, seed)
            trained = time.monotonic()
            for one in group:
                for name, score in detectors.items():
                    rounds.setdefault((one.name, f"{one.level_db:g}", name), []).append(_round(one, score))
            took, scored = trained - started, time.monotonic() - trained
            clips = sum(len(one.test) for one in group)
            say(f"{where}: {what} trained in {took:.0f} s, scored {clips} clips in {scored:.0f} s")


def sum_up(rounds: Rounds) -> Results:
    """The figures of every set, level and detector."""
    results: Results = {}
    for (name, level, detector), played in rounds.items():
        results.setdefault(name, {}).setdefault(level, {})[detector] = _figures(played)
    return results


def lines(results: Results) -> Iterator[str]:
    """The results as the lines of a table."""
    yield f"{'set':<14}{'dB':>5}  {'detector':<18}{'AUC':>6}  {'95 % interval':<14}{'pAUC':>6}  AUC per fault"
    for name, levels in results.items():
        for level, detectors in levels.items():
            for detector, got in detectors.items():
                faults = ", ".join(f"{kind} {value:.2f}" for kind, value in got.faults.items())
                interval = f"{got.ci[0]:.3f}–{got.ci[1]:.3f}"
                yield f"{name:<14}{level:>5}  {detector:<18}{got.auc:>6.3f}  {interval:<14}{got.pauc:>6.3f}  {faults}"


def say(words: str) -> None:
    """Progress goes to stderr, so that stdout holds the result alone."""
    print(words, file=sys.stderr, flush=True)


def _round(one: DetectionSet, score: Score) -> Round:
    return Round(
        scores=[score(clip.samples) for clip in one.test],
        labels=[clip.label == "anomaly" for clip in one.test],
        faults=[clip.fault for clip in one.test],
        recordings=[clip.recording for clip in one.test],
    )


def _figures(played: Sequence[Round]) -> Figures:
    """Each seed is resampled with the same draws of recordings, so the interval is that of the mean."""
    measured = [measure(one.labels, one.scores, faults=one.faults) for one in played]
    spreads = [bootstrap(one.labels, one.scores, one.recordings) for one in played]
    mean = Spread(np.mean([s.auc for s in spreads], axis=0), np.mean([s.pauc for s in spreads], axis=0))
    kinds = sorted({kind for one in measured for kind in one.faults})
    return Figures(
        auc=_mean([one.auc for one in measured]),
        pauc=_mean([one.pauc for one in measured]),
        ci=mean.interval(),
        faults={kind: _mean([one.faults[kind] for one in measured]) for kind in kinds},
    )


def _mean(values: Sequence[float | None]) -> float:
    """The mean of figures that a set with both labels always has."""
    return float(np.mean([value for value in values if value is not None]))
