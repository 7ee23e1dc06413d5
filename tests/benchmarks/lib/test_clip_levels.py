"""Clips scored in one batch get the scores that they get alone."""

from __future__ import annotations

import numpy as np

from anomaly.detect.detectors.student import StudentDetector
from anomaly.detect.scoring import recording_errors
from anomaly.features.delta_encoder import DeltaCode
from anomaly.features.front_end import FrontEnd
from chip.builder import NetworkBuilder
from lib.clip_levels import ClipLevels, LevelCache
from support.bench_recordings import hum


def detector() -> StudentDetector:
    """Student whose read-outs count the events of two bands each."""
    builder = NetworkBuilder(32)
    for group in range(16):
        neuron = builder.add_neuron(theta_p=2, w_fb=2, decay=4)
        builder.connect(2 * group, neuron, 1)
        builder.connect(2 * group + 1, neuron, 2)
        builder.output(neuron)
    code = DeltaCode(np.full(32, -6000, np.int32), np.full(32, 150, np.int32))
    return StudentDetector(code, builder.build(), 2047)


def test_errors_are_those_of_each_recording_alone() -> None:
    generator = np.random.default_rng(0)
    # Of different lengths, one of them longer than a segment, so that they share batches in parts.
    clips = [hum(seconds, 150.0, generator) for seconds in (3.0, 12.0, 3.0, 2.5, 13.2)]
    front_end = FrontEnd()
    batch = ClipLevels(clips, front_end).errors(detector())
    for clip, errors in zip(clips, batch, strict=True):
        alone = recording_errors(clip, front_end, detector())
        assert len(errors) == len(alone)
        for one, other in zip(errors, alone, strict=True):
            assert np.array_equal(one, other)
    assert sum(int(second.sum()) for clip in batch for second in clip) > 0


def test_levels_of_the_same_clips_are_computed_once() -> None:
    clips = [hum(2.0, 150.0, np.random.default_rng(1))]
    cache = LevelCache(FrontEnd())
    first = cache.levels(clips)
    assert cache.levels(list(clips)) is first
    assert cache.levels([clips[0].copy()]) is not first
    pooling = first.pooling(detector(), "root")
    assert cache.scoring(detector(), pooling)(clips) == first.scores(detector(), pooling)
