"""Parts of the distillation benchmark that run on the sets of the detection bench, one training each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import say
from lessons import Facts, Lesson, Shelf, code_of

from anomaly import atomic
from anomaly.evaluate.bench.clips import DetectionSet, Samples
from anomaly.evaluate.bench.rounds import BenchDetector, FinishedRound, Rounds, Score, run_rounds

# Levels that stand for those of a set that trains anew at each: easy enough to hear, hard enough to tell apart.
ONE_LEVEL = {"bldc-mix": 0.0, "rig": 0.0}

Detectors = Mapping[str, Score]
Prepare = Callable[[Lesson, Shelf], tuple[Detectors, Facts]]
Wanted = Callable[[Sequence[DetectionSet]], list[DetectionSet]]


@dataclass(frozen=True)
class Part:
    """Something that is asked of each training of the bench.

    Args:
        name: as in ``--parts``.
        prepare: makes detectors, and measures what is not a score.
        wanted: which sets of those that share a training are scored; none leaves the training out.
        every_seed: or the first one alone.
        modules: of the benchmark, that decide what comes out.
    """

    name: str
    prepare: Prepare
    wanted: Wanted = list
    every_seed: bool = False
    modules: tuple[str, ...] = ()


@dataclass(frozen=True)
class Measured:
    """What was measured of one training.

    Args:
        set, levels, seed: which one.
        values: by name.
    """

    set: str
    levels: list[float]
    seed: int
    values: Facts


@dataclass(frozen=True, eq=False)
class Found:
    """Scores and figures of one part.

    Args:
        rounds: scores.
        measured: one for each training.
    """

    rounds: Rounds
    measured: list[Measured]

    def mean(self, name: str) -> float | None:
        """Over the trainings that have this figure."""
        values = [one.values[name] for one in self.measured if name in one.values]
        return sum(values) / len(values) if values else None


class Bench:
    """Plays parts, and keeps what was found.

    Args:
        cache: folder of scores and trainings.
        profile: of training.
    """

    def __init__(self, cache: Path, profile: str) -> None:
        self._cache, self._profile = cache, profile
        self._finished, self._shelf = FinishedRound(cache), Shelf(cache)
        self._code: dict[str, str] = {}
        self._lesson: Lesson | None = None

    def run_rounds(self, found: Found, part: Part, group: Sequence[DetectionSet], seed: int) -> None:
        """Measure one part on one training, or take what was measured before."""
        chosen = part.wanted(group)
        if not chosen:
            return
        values: Facts = {}

        def fit(clips: Sequence[Samples], seed: int) -> Detectors:
            detectors, facts = part.prepare(self._of(clips, seed), self._shelf)
            values.update(facts)
            return detectors

        code = self._code.setdefault(part.name, code_of("parts", *part.modules))
        who = BenchDetector(part.name, fit, f"{self._profile} {code}")
        path = self._finished.path(chosen, seed, who)
        beside = None if path is None else path.with_suffix(".facts")
        if path is not None and beside is not None and not beside.is_file():
            path.unlink(missing_ok=True)
        run_rounds(found.rounds, chosen, seed, [who], finished=self._finished, say=say)
        if beside is not None and values:
            atomic.write_bytes(beside, json.dumps(values).encode())
        elif beside is not None:
            values = json.loads(beside.read_bytes())
        levels = [one.level for one in chosen]
        found.measured.append(Measured(chosen[0].name, levels, seed, values))

    def _of(self, clips: Sequence[Samples], seed: int) -> Lesson:
        """Parts that learn from the same sound share what they heard of it."""
        if self._lesson is None or self._lesson.clips is not clips or self._lesson.seed != seed:
            self._lesson = Lesson(clips, seed, self._profile)
        return self._lesson


def one_level(group: Sequence[DetectionSet]) -> list[DetectionSet]:
    """All levels that share a training; of sets that train anew at each level, one."""
    wanted = ONE_LEVEL.get(group[0].name)
    return [one for one in group if wanted is None or one.level == wanted]


def middle_level(group: Sequence[DetectionSet]) -> list[DetectionSet]:
    """One of the levels that share a training."""
    return [group[(len(group) - 1) // 2]]
