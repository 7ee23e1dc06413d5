"""Simulated rises that the time to the alarm level is estimated from: ``simulated_rises.csv`` of the package.

    PYTHONPATH=.:benchmarks python -m lib.trend.ratio_fit FILE

The degradations of `benchmarks/lives.py` have other seeds.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anomaly.prognosis.index.series import Values
from anomaly.prognosis.trend.analysis import find_trend
from anomaly.prognosis.trend.time_to_level import (
    COVERAGE,
    LEAST_SHARE,
    RatioModel,
    mean_slope_time_s,
    rise_figures,
    share_of_way,
)
from lib.progress import log
from lib.trend.degradations import degradation

# Moments of the cuts, as shares of the time from the onset to the alarm level: rises are kept over their whole
# length, and intervals stretched around the middle, where most intervals are asked for.
FIT_CUTS, WIDEN_CUTS = (0.25, 0.95), (0.3, 0.7)
FIT_COUNT, WIDEN_COUNT = 3_000, 1_800
FIT_SEED, WIDEN_SEED = 101, 103


@dataclass(frozen=True, eq=False)
class Cuts:
    """Cuts of simulated degradations with a rise.

    Args:
        figures: [cuts, figures].
        ratios: logarithm of the true time over the time by the mean slope, [cuts].
    """

    figures: Values
    ratios: Values


def simulated_cuts(seed: int, count: int, moments: tuple[float, float]) -> Cuts:
    """Simulate degradations and cut each once; those without a rise at the cut are left out.

    Args:
        seed: of all draws.
        count: degradations.
        moments: range of the cuts, as shares of the time from the onset to the alarm level.
    """
    found = list(_cuts(np.random.default_rng(seed), count, moments))
    return Cuts(np.array([figures for figures, _ in found]), np.array([ratio for _, ratio in found]))


def _cuts(
    random: np.random.Generator, count: int, moments: tuple[float, float]
) -> Iterator[tuple[Values, float]]:
    for _ in range(count):
        life = degradation(random)
        part = life.at_life(random.uniform(*moments))
        rise, level = find_trend(part).rise, part.alarm_level
        if rise is None or level is None or not LEAST_SHARE <= share_of_way(rise, level) < 1.0:
            continue
        left_s = life.reached_s - part.times_s[-1]
        yield rise_figures(rise, level), float(np.log(left_s / mean_slope_time_s(rise, level)))


def fit(train: Cuts, widen: Cuts) -> RatioModel:
    """Return the simulated rises with the stretch that makes the interval cover what it should on others."""
    model = RatioModel(train.figures, train.ratios)
    beyond = []
    for figures, ratio in zip(widen.figures, widen.ratios, strict=True):
        low, middle, high = model.quantiles(figures)
        below, above = max(middle - low, 1e-6), max(high - middle, 1e-6)
        beyond.append((middle - ratio) / below if ratio < middle else (ratio - middle) / above)
    rank = min(float(np.ceil((len(beyond) + 1) * COVERAGE)) / len(beyond), 1.0)
    return RatioModel(train.figures, train.ratios, float(np.quantile(beyond, rank, method="higher")))


def write(model: RatioModel, path: Path) -> None:
    """Write a model as the package reads it."""
    lines = [f"# stretch {model.stretch:.4f}", "bend,share,z,scatter,ratio"]
    rows = np.column_stack([model.figures, model.ratios])
    path.write_text("\n".join([*lines, *(",".join(f"{v:.3f}" for v in row) for row in rows)]) + "\n")


def main(path: Path) -> None:
    """Simulate, and write the file."""
    train = simulated_cuts(FIT_SEED, FIT_COUNT, FIT_CUTS)
    widen = simulated_cuts(WIDEN_SEED, WIDEN_COUNT, WIDEN_CUTS)
    model = fit(train, widen)
    log(f"{len(train.ratios)} rises, stretch {model.stretch:.3f} on {len(widen.ratios)} others")
    write(model, path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
