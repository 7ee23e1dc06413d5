"""Results of the detection bench as a text table and as plain values."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from anomaly.evaluate.bench.summary import Results


def table_lines(results: Results) -> Iterator[str]:
    """Format results as the lines of a text table."""
    yield f"{'set':<14}{'level':>6}  {'detector':<18}{'AUC':>6}  {'95 % interval':<14}{'pAUC':>6}  AUC per fault"
    for name, levels in results.items():
        for level, detectors in levels.items():
            for detector, figures in detectors.items():
                faults = ", ".join(f"{kind} {value:.2f}" for kind, value in figures.faults.items())
                interval = f"{figures.ci[0]:.3f}–{figures.ci[1]:.3f}"
                yield (
                    f"{name:<14}{level:>6}  {detector:<18}{figures.auc:>6.3f}  {interval:<14}{figures.pauc:>6.3f}  "
                    f"{faults}"
                )


def as_json(results: Results) -> dict[str, dict[str, dict[str, dict[str, object]]]]:
    """Convert results to ``{set: {level: {detector: figures}}}`` of plain values."""
    return {
        name: {
            level: {detector: dataclasses.asdict(figures) for detector, figures in detectors.items()}
            for level, detectors in levels.items()
        }
        for name, levels in results.items()
    }
