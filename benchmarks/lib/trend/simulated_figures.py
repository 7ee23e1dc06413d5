"""Figures on simulated degradations and healthy machines."""

from __future__ import annotations

from typing import Any

import numpy as np

from anomaly.prognosis.report import SOON_S
from anomaly.prognosis.trend.analysis import TrendState, find_trend
from lib.trend.degradations import SHAPES, degradation, healthy

DEGRADATIONS, HEALTHY = 1_000, 200
_SEED, _HEALTHY_SEED = 2_012, 2_013


def simulated_figures(count: int = DEGRADATIONS) -> dict[str, Any]:
    """Return how many intervals at half of the time to the alarm level hold the true time, over all and by shape."""
    random = np.random.default_rng(_SEED)
    held: dict[str, list[bool]] = {shape: [] for shape in SHAPES}
    widths = []
    for _ in range(count):
        life = degradation(random)
        part = life.at_life(0.5)
        interval = find_trend(part).interval
        if interval is not None:
            held[life.shape].append(interval.holds(life.reached_s - float(part.times_s[-1])))
            widths.append(interval.upper_s / interval.lower_s)
    total = [one for results in held.values() for one in results]
    return {
        "simulated_coverage": round(float(np.mean(total)), 3),
        "simulated_intervals": len(total),
        "simulated": count,
        "simulated_width": round(float(np.median(widths)), 2),
        "simulated_by_shape": {
            shape: {"intervals": len(results), "coverage": round(float(np.mean(results)), 3)}
            for shape, results in held.items()
            if results
        },
    }


def healthy_figures(count: int = HEALTHY) -> dict[str, Any]:
    """Return which share of healthy machines is said to fail soon, and which is said to rise."""
    random = np.random.default_rng(_HEALTHY_SEED)
    soon = rising = 0
    for _ in range(count):
        found = find_trend(healthy(random))
        rising += found.state is TrendState.RISING
        soon += found.interval is not None and found.interval.middle_s <= SOON_S
    return {
        "healthy_failing_soon": round(soon / count, 4),
        "healthy_rising": round(rising / count, 4),
        "healthy": count,
    }
