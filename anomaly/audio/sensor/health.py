"""Health of a sensor from one second of sound: silence, a constant value, clipping, a DC offset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Samples
from anomaly.audio.compiled import compiled_kernels

Status: TypeAlias = Literal[
    "ok",
    "silent",
    "constant",
    "clipping",
    "dc-offset",
    "repeated",
    "hum",
    "band-limit",
    "gain",
    "processed",
    "low-level",
    "unlearned-stop",
]

# Below the noise of any real microphone and preamplifier, above that of 16-bit rounding and dither.
FLOOR_DBFS = -90.0
# Magnitude that counts as full scale: resampling leaves some clipped samples a little below 1.
CLIP_LEVEL = 0.99
# Ten samples of a second at 16 kHz, more than a single click has.
CLIP_FRACTION = 10 / 16_000
# 5 % of full scale; microphones with a working coupling capacitor have next to none.
MAX_DC = 0.05
# Mean that separates a stuck value from silence.
_CONSTANT_DC = 1e-3
# Level reported for silence, whose logarithm does not exist.
_MIN_DBFS = -200.0


@dataclass(frozen=True)
class Health:
    """Condition of a sensor in one second.

    Args:
        status: "silent" (nothing above the floor), "constant" (one value, not zero), "clipping",
            "dc-offset", or "ok"; `anomaly.audio.sensor.sensor_check` finds the others.
        level_dbfs: root mean square without the mean; a full-scale square wave is 0.
        peak_dbfs: largest value.
        dc: mean, full scale is 1.
        clipped_fraction: share of samples at full scale.
    """

    status: Status
    level_dbfs: float
    peak_dbfs: float
    dc: float
    clipped_fraction: float


def check_second(samples: Samples, *, floor_dbfs: float = FLOOR_DBFS) -> Health:
    """Check about one second, float32 [n].

    The status is the first of silent, constant, clipping and dc-offset that applies.

    Args:
        samples: full scale is 1.
        floor_dbfs: level below which a second is silent.
    """
    if len(samples) == 0:
        return Health("silent", _MIN_DBFS, _MIN_DBFS, 0.0, 0.0)
    x = samples.astype(np.float64)
    magnitude = np.abs(x)
    clipped_fraction = float(np.mean(magnitude >= CLIP_LEVEL))
    return _health(float(x.mean()), float(x.std()), float(magnitude.max()), clipped_fraction, floor_dbfs)


def many_healths(samples: Samples) -> list[Health]:
    """Check whole seconds that follow each other, float32 [n * 16000], each as `check_second` does."""
    if compiled_kernels.are_loaded():
        found = compiled_kernels.statistics(samples, SAMPLE_RATE_HZ, CLIP_LEVEL)
        return [
            _health(dc, spread, peak, clipped, FLOOR_DBFS) for dc, spread, peak, clipped in found.tolist()
        ]
    return [check_second(second) for second in samples.reshape(-1, SAMPLE_RATE_HZ)]


def _health(dc: float, spread: float, peak: float, clipped_fraction: float, floor_dbfs: float) -> Health:
    """Return the condition from mean, standard deviation, largest magnitude and share of clipped samples."""
    level_dbfs = _dbfs(spread)
    status: Status = "ok"
    if level_dbfs < floor_dbfs:
        status = "constant" if abs(dc) > _CONSTANT_DC else "silent"
    elif clipped_fraction >= CLIP_FRACTION:
        status = "clipping"
    elif abs(dc) > MAX_DC:
        status = "dc-offset"
    return Health(status, level_dbfs, _dbfs(peak), dc, clipped_fraction)


def _dbfs(value: float) -> float:
    return max(_MIN_DBFS, 20 * float(np.log10(max(value, 1e-10))))
