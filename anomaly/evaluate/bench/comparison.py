"""Comparison of two detectors over a bench: by level, by set, and over all sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from anomaly.evaluate.bench.rounds import Round, Rounds
from anomaly.evaluate.bench.summary import (
    DetectorDifference,
    Resolution,
    Results,
    mean_difference,
    resolution,
)

Pair = tuple[Sequence[Round], Sequence[Round]]


@dataclass(frozen=True)
class BenchComparison:
    """Differences of two detectors, ours less theirs.

    Attributes:
        levels: set → level → difference.
        sets: set → difference of the means over its levels.
        overall: difference of the means over the sets.
    """

    levels: dict[str, dict[str, DetectorDifference]]
    sets: dict[str, DetectorDifference]
    overall: DetectorDifference

    @property
    def significantly_below(self) -> list[str]:
        """Levels, as ``set level``, where ours has the lower AUC with 95 % confidence."""
        return self._where(-1)

    @property
    def significantly_above(self) -> list[str]:
        """Levels, as ``set level``, where ours has the higher AUC with 95 % confidence."""
        return self._where(1)

    def as_json(self) -> dict[str, object]:
        """Return the figures as JSON types."""
        return {
            "overall": asdict(self.overall),
            "sets": {name: asdict(one) for name, one in self.sets.items()},
            "levels": {
                name: {level: asdict(one) for level, one in found.items()}
                for name, found in self.levels.items()
            },
            "significantly_above": self.significantly_above,
            "significantly_below": self.significantly_below,
        }

    def _where(self, sign: int) -> list[str]:
        return [
            f"{name} {level}"
            for name, levels in self.levels.items()
            for level, one in levels.items()
            if one.significant == sign
        ]


def compare_detectors(rounds: Rounds, ours: str, theirs: str) -> BenchComparison | None:
    """Compare two detectors on the tests on which both were scored; None without any.

    Raises:
        InputError: they were not scored on the same clips.
    """
    pairs: dict[str, dict[str, Pair]] = {}
    for (name, level, detector), played in rounds.items():
        if detector == ours and (name, level, theirs) in rounds:
            pairs.setdefault(name, {})[level] = (played, rounds[name, level, theirs])
    if not pairs:
        return None
    return BenchComparison(
        {
            n: {level: mean_difference([[pair]]) for level, pair in found.items()}
            for n, found in pairs.items()
        },
        {name: mean_difference([list(found.values())]) for name, found in pairs.items()},
        mean_difference([list(found.values()) for found in pairs.values()]),
    )


def mean_over_sets(results: Results) -> dict[str, dict[str, float]]:
    """Mean AUC, partial AUC and F1-EV of each detector over the levels of each set, then over the sets.

    Sets on which a detector was not scored are left out, so that the means can be compared.
    """
    detectors = list(dict.fromkeys(d for levels in results.values() for row in levels.values() for d in row))
    whole = [
        levels for levels in results.values() if all(d in row for row in levels.values() for d in detectors)
    ]
    if not whole:
        return {}
    return {
        detector: {
            figure: sum(
                sum(getattr(row[detector], figure) for row in levels.values()) / len(levels)
                for levels in whole
            )
            / len(whole)
            for figure in ("auc", "pauc", "f1_ev")
        }
        for detector in detectors
    }


def resolutions(rounds: Rounds) -> dict[str, dict[str, Resolution]]:
    """Resolution of each test of a bench: set → level → resolution."""
    tests: dict[tuple[str, str], dict[str, list[Round]]] = {}
    for (name, level, detector), played in rounds.items():
        tests.setdefault((name, level), {})[detector] = played
    found: dict[str, dict[str, Resolution]] = {}
    for (name, level), by_detector in tests.items():
        found.setdefault(name, {})[level] = resolution(by_detector)
    return found
