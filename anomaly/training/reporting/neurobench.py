"""NeuroBench's complexity metrics of a trained student on held-out sound, for the bundle and its report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from anomaly.evaluate.reporting.html_report import ReportSection
from anomaly.features.delta_encoder import DeltaCode, DeltaEncoder
from anomaly.features.mel import HOP_S, Centibels
from chip.arch import ArchSpec
from chip.network import Network
from chip.reporting.neurobench import DEFINITIONS, neurobench
from chip.sim.simulator import Simulator

_MOST_SEGMENTS = 24
_LABELS = {
    "footprint_bytes": "footprint, bytes",
    "stored_bytes": "of them in cells, bytes",
    "connection_sparsity": "connection sparsity",
    "activation_sparsity": "activation sparsity",
    "effective_macs": "effective multiply-accumulates a step",
    "effective_acs": "effective accumulates a step",
    "dense": "dense operations a step",
}


def measure_complexity(
    network: Network, code: DeltaCode, arch: ArchSpec, segments: Sequence[Centibels]
) -> dict[str, Any]:
    """Measure a network on normal sound, from a reset on.

    Args:
        network: the decoded student.
        code: its encoder.
        arch: its chip.
        segments: levels [frames, bands]; those of the commonest length count, 24 at most.

    Returns:
        `NeuroBench.to_dict`, and ``effective_acs_per_s``, accumulates per second of sound.
    """
    length, _ = Counter(len(segment) for segment in segments).most_common(1)[0]
    chosen = [segment for segment in segments if len(segment) == length][:_MOST_SEGMENTS]
    events = DeltaEncoder(code, len(chosen)).push(np.stack(chosen))
    steps = events.transpose(1, 2, 0, 3).reshape(-1, len(chosen), code.bands)
    run = Simulator(network, v_sat=arch.v_sat, engine="auto").run(steps)
    metrics = neurobench(network, run, arch).to_dict()
    return metrics | {"effective_acs_per_s": metrics["effective_acs"] * code.micro_steps / HOP_S}


def complexity_section(metrics: dict[str, Any]) -> ReportSection:
    """Return the metrics as a section of a report, with the definition of each."""
    rows: list[tuple[object, ...]] = [("metric", "figure", "definition")]
    rows += [(label, metrics[name], DEFINITIONS[name]) for name, label in _LABELS.items()]
    return ReportSection(
        "NeuroBench",
        f"Complexity metrics as NeuroBench defines them, measured over {metrics['steps']:,} steps of held-out sound: "
        f"{metrics['effective_acs_per_s']:,.0f} accumulates per second of sound, no multiplication. "
        f"{metrics['source']}.",
        rows=rows,
    )
