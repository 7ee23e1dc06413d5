"""The detection bench: sets made at run time, detectors trained on each, and what their scores show.

``sets`` yields the sets of a seed, ``play`` trains and scores detectors on them (any function that fits, see
``Training``), ``summary`` turns their scores into figures, ``tables`` and ``page`` show them.
"""

from anomaly.evaluate.bench.clips import DetectionSet, LabelledClip, Samples
from anomaly.evaluate.bench.sets import SETS, SIMULATED, bench_sets

__all__ = ["SETS", "SIMULATED", "DetectionSet", "LabelledClip", "Samples", "bench_sets"]
