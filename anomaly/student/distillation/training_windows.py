"""Training windows of distillation: disturbed and normal sound, its events and the teacher's output for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from anomaly.detect.pooling import SUB_BAND_GROUPS, summarise
from anomaly.detect.scoring import recording_errors
from anomaly.features.delta_encoder import DeltaEncoder
from anomaly.features.front_end import segment_levels
from anomaly.features.level_normaliser import LevelNormaliser
from anomaly.features.mel import SAMPLE_RATE_HZ, Samples
from anomaly.student.distillation.plan import DistillationSetup
from anomaly.student.distillation.pseudo_anomalies import TRAINED_KINDS, pseudo_anomaly

# Length of a training window, in seconds.
WINDOW_S = 2


def cut_windows(sounds: Sequence[Samples], count: int, rng: np.random.Generator) -> list[Samples]:
    """Cut random windows of `WINDOW_S` from training sound and turn every other one into a pseudo-anomaly.

    Args:
        sounds: normal sound, float32, 16 kHz.
        count: windows; none if no sound is long enough.
        rng: source of positions and pseudo-anomalies.
    """
    length = WINDOW_S * SAMPLE_RATE_HZ
    long_enough = [sound for sound in sounds if len(sound) >= length]
    result = []
    for index in range(count if long_enough else 0):
        sound = long_enough[int(rng.integers(len(long_enough)))]
        first = int(rng.integers(len(sound) - length + 1))
        window = sound[first : first + length]
        if index % 2:
            window = pseudo_anomaly(window, TRAINED_KINDS[index // 2 % len(TRAINED_KINDS)], rng)
        result.append(window)
    return result


def teacher_outputs(window: Samples, setup: DistillationSetup) -> npt.NDArray[np.float64]:
    """Compute the teacher's score of each second, then its deviation of each group, [seconds, 1 + groups]."""
    pooling = setup.teacher_pooling
    outputs = []
    for second in recording_errors(window, setup.front_end, setup.teacher):
        deviation = (summarise(second, pooling.scale) - pooling.centre) / pooling.spread
        groups = deviation.reshape(2, -1, SUB_BAND_GROUPS).max(axis=1).mean(axis=0)
        outputs.append(np.concatenate([[pooling.second(second).score], groups]))
    return np.stack(outputs)


def window_events(window: Samples, setup: DistillationSetup) -> npt.NDArray[np.int8]:
    """Encode a window as delta events, [steps, bands]."""
    levels = segment_levels(window, setup.front_end)
    if setup.front_end.level_normalise:
        levels = LevelNormaliser(len(levels)).push(levels)
    events: npt.NDArray[np.int8] = DeltaEncoder(setup.code).push(levels)[0].reshape(-1, setup.code.bands)
    return events
