"""Training sound of a simulated valve, whose cycle has phases."""

from __future__ import annotations

from anomaly.audio.simulator import simulate
from anomaly.training.training_data import TrainingData, cut_blocks, split_held_out

CLIP_S = 6


def valve_data(clips: int, seed: int) -> TrainingData:
    """Return clips of six seconds each, split into sound to train on and held-out sound."""
    sound = simulate("valve", seconds=CLIP_S * clips, seed=seed)
    step = CLIP_S * sound.sample_rate_hz
    blocks = [
        block
        for number in range(clips)
        for block in cut_blocks(sound.samples[number * step : (number + 1) * step], f"clip {number}")
    ]
    return split_held_out(blocks)
