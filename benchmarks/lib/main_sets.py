"""Test sets of the benchmark ``main_job.py``: modelled faults of a slide rail, and faulty motors beside one.

They are a fixed part of the detection bench (``anomaly.evaluate.bench``), with three levels of the fault over its
background, so that results stay comparable from one version of the program to the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from anomaly.evaluate.bench.bldc_mix import bldc_mix
from anomaly.evaluate.bench.clips import DetectionSet
from anomaly.evaluate.bench.sets import same_training
from anomaly.evaluate.bench.slider_fault import slider_fault

SLIDER_LEVELS_DB = (0.0, -5.0, -10.0)
BLDC_LEVELS_DB = (6.0, 0.0, -6.0)
TRAIN_MIXES = 8
TEST_MIXES = 6


def main_sets(recordings: Path, seed: int, train_mixes: int = TRAIN_MIXES) -> Iterator[list[DetectionSet]]:
    """Yield groups of sets that share their training: faults of a slide rail, and motors beside one.

    Raises:
        InputError: recordings are missing or cannot be read.
    """
    yield from same_training(slider_fault(recordings, SLIDER_LEVELS_DB, seed))
    motors = bldc_mix(
        recordings,
        BLDC_LEVELS_DB,
        seed,
        backgrounds=("slider",),
        train_mixes=train_mixes,
        test_mixes=TEST_MIXES,
    )
    yield from same_training(motors)
