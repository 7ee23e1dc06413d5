"""What the detection benchmarks share: baselines and the product as contestants of the bench."""

from __future__ import annotations

import dataclasses
import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from baselines import Baseline, Samples

from anomaly.evaluate.bench.rounds import BenchDetector, Score
from anomaly.evaluate.bench.summary import Results

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent / "anomaly"
# What decides the scores of the teacher, and of the student on top of it; nothing else of the house does.
TEACHER = ("audio", "features", "detect", "teacher", "training")
STUDENT = (*TEACHER, "student", "../chip")


def baseline(name: str, make: Callable[[int], Baseline]) -> BenchDetector:
    """A baseline, made for a seed, as a contestant with one detector."""

    def fit(clips: Sequence[Samples], seed: int) -> Mapping[str, Score]:
        detector = make(seed)
        detector.fit(clips)
        return {name: each(detector.score)}

    return BenchDetector(name, fit, baseline_code(name))


def each(score: Callable[[Samples], float]) -> Score:
    """A score of one clip as a score of many."""
    return lambda clips: [score(clip) for clip in clips]


def baseline_code(name: str) -> str:
    """A hash that changes when a baseline may score otherwise."""
    return _code_of([HERE / "baselines" / file for file in ("__init__.py", "log_mel.py", f"{name}.py")])


def product_code(rooms: Sequence[str]) -> str:
    """A hash that changes when these rooms of the product may score otherwise."""
    found = [path for room in rooms for path in (PACKAGE / room).rglob("*")]
    return _code_of(sorted(path for path in found if path.suffix in (".py", ".yaml")))


def _code_of(files: Sequence[Path]) -> str:
    total = hashlib.sha256()
    for path in files:
        total.update(f"{path.name}\0".encode() + path.read_bytes())
    return total.hexdigest()


def lines(results: Results) -> Iterator[str]:
    """The results as the lines of a table."""
    yield f"{'set':<14}{'level':>6}  {'detector':<18}{'AUC':>6}  {'95 % interval':<14}{'pAUC':>6}  AUC per fault"
    for name, levels in results.items():
        for level, detectors in levels.items():
            for detector, got in detectors.items():
                faults = ", ".join(f"{kind} {value:.2f}" for kind, value in got.faults.items())
                interval = f"{got.ci[0]:.3f}–{got.ci[1]:.3f}"
                yield f"{name:<14}{level:>6}  {detector:<18}{got.auc:>6.3f}  {interval:<14}{got.pauc:>6.3f}  {faults}"


def as_json(results: Results) -> dict[str, dict[str, dict[str, dict[str, object]]]]:
    """``{set: {level: {detector: figures}}}`` as plain values."""
    return {
        name: {
            level: {detector: dataclasses.asdict(figures) for detector, figures in detectors.items()}
            for level, detectors in levels.items()
        }
        for name, levels in results.items()
    }


def say(words: str) -> None:
    """Progress goes to stderr, so that stdout holds the result alone."""
    print(words, file=sys.stderr, flush=True)
