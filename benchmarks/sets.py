"""The sets of the main job, out of those of the detection bench (``anomaly.evaluate.bench``).

They have three levels each and one background, as the main job's figures have had from the start.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from anomaly.evaluate.bench.bldc_mix import bldc_mix
from anomaly.evaluate.bench.clips import DetectionSet, LabelledClip, Samples
from anomaly.evaluate.bench.sets import bench_sets, same_training
from anomaly.evaluate.bench.slider_fault import slider_fault

__all__ = ["DetectionSet", "LabelledClip", "Samples", "bench_sets", "bldc_mix", "main_sets", "slider_fault"]

SLIDER_LEVELS_DB = (0.0, -5.0, -10.0)
BLDC_LEVELS_DB = (6.0, 0.0, -6.0)
TRAIN_MIXES = 8
TEST_MIXES = 6


def main_sets(recordings: Path, seed: int, train_mixes: int = TRAIN_MIXES) -> Iterator[list[DetectionSet]]:
    """Faults in a slide rail, and motors beside one, as lists of sets that share their training.

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
