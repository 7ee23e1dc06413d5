"""Experiments of the distillation benchmark on the sets of the detection bench, one training at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from anomaly import atomic
from anomaly.evaluate.bench.clips import DetectionSet, Samples
from anomaly.evaluate.bench.rounds import BenchDetector, RoundCache, Rounds, Score, run_rounds
from lib.distillation.training_run import Facts, TrainingCache, TrainingRun, code_of
from lib.progress import log

# The level that stands for a set with a training per level: neither trivial nor undetectable.
ONE_LEVEL = {"bldc-mix": 0.0, "rig": 0.0}

Detectors = Mapping[str, Score]
Prepare = Callable[[TrainingRun, TrainingCache], tuple[Detectors, Facts]]
SelectSets = Callable[[Sequence[DetectionSet]], list[DetectionSet]]


@dataclass(frozen=True)
class Experiment:
    """Experiment that runs on each training of the bench.

    Args:
        name: in ``--parts``.
        prepare: builds detectors, and measures figures that are not scores.
        select_sets: chooses among the sets that share a training; if it chooses none, the training is skipped.
        every_seed: run on every seed instead of the first alone.
        modules: of ``lib/distillation`` that decide the result.
    """

    name: str
    prepare: Prepare
    select_sets: SelectSets = list
    every_seed: bool = False
    modules: tuple[str, ...] = ()


@dataclass(frozen=True)
class Measured:
    """Figures of one training.

    Args:
        set, levels, seed: identify the training.
        values: figures by name.
    """

    set: str
    levels: list[float]
    seed: int
    values: Facts


@dataclass(frozen=True, eq=False)
class ExperimentResult:
    """Scores and figures of one experiment.

    Args:
        rounds: scores by set, level and detector.
        measured: figures of each training.
    """

    rounds: Rounds
    measured: list[Measured]

    def mean(self, name: str) -> float | None:
        """Mean of a figure over the trainings that have it."""
        values = [one.values[name] for one in self.measured if name in one.values]
        return sum(values) / len(values) if values else None


class ExperimentRunner:
    """Runs experiments and caches their results.

    Args:
        cache: folder of scores and trainings.
        profile: name of the training profile.
    """

    def __init__(self, cache: Path, profile: str) -> None:
        self._profile = profile
        self._finished, self._trainings = RoundCache(cache), TrainingCache(cache)
        self._code: dict[str, str] = {}
        self._run: TrainingRun | None = None

    def run(
        self, result: ExperimentResult, experiment: Experiment, group: Sequence[DetectionSet], seed: int
    ) -> None:
        """Run an experiment on one training, or load its cached result."""
        chosen = experiment.select_sets(group)
        if not chosen:
            return
        values: Facts = {}

        def fit(clips: Sequence[Samples], seed: int) -> Detectors:
            detectors, facts = experiment.prepare(self._training_run(clips, seed), self._trainings)
            values.update(facts)
            return detectors

        code = self._code.setdefault(experiment.name, code_of("experiment", *experiment.modules))
        detector = BenchDetector(experiment.name, fit, f"{self._profile} {code}")
        path = self._finished.path(chosen, seed, detector)
        facts_path = None if path is None else path.with_suffix(".facts")
        if path is not None and facts_path is not None and not facts_path.is_file():
            path.unlink(missing_ok=True)
        run_rounds(result.rounds, chosen, seed, [detector], cache=self._finished, log=log)
        if facts_path is not None and values:
            atomic.write_bytes(facts_path, json.dumps(values).encode())
        elif facts_path is not None:
            values = json.loads(facts_path.read_bytes())
        levels = [one.level for one in chosen]
        result.measured.append(Measured(chosen[0].name, levels, seed, values))

    def _training_run(self, clips: Sequence[Samples], seed: int) -> TrainingRun:
        """Training run of these clips; experiments on the same sound share its levels."""
        if self._run is None or self._run.clips is not clips or self._run.seed != seed:
            self._run = TrainingRun(clips, seed, self._profile)
        return self._run


def one_level(group: Sequence[DetectionSet]) -> list[DetectionSet]:
    """Select all levels that share a training, or one level of sets with a training per level."""
    level = ONE_LEVEL.get(group[0].name)
    return [one for one in group if level is None or one.level == level]


def middle_level(group: Sequence[DetectionSet]) -> list[DetectionSet]:
    """Select the middle one of the levels that share a training."""
    return [group[(len(group) - 1) // 2]]
