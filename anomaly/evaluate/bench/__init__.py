"""Detection bench: sets made at run time, detectors trained and scored on each, figures of their scores.

``sets`` yields the sets of a seed, ``rounds`` trains and scores detectors on them (see ``Training``), ``summary`` and
``comparison`` turn the scores into figures, ``tables`` and ``page`` show them.
"""

from anomaly.evaluate.bench.clips import DetectionSet, LabelledClip, Samples
from anomaly.evaluate.bench.sets import (
    FAMILY_SETS,
    FAULT_SETS,
    SETS,
    SIMULATED,
    SIMULATED_FAMILIES,
    bench_sets,
)

__all__ = [
    "FAMILY_SETS",
    "FAULT_SETS",
    "SETS",
    "SIMULATED",
    "SIMULATED_FAMILIES",
    "DetectionSet",
    "LabelledClip",
    "Samples",
    "bench_sets",
]
