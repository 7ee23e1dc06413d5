"""Augmentation of normal sound: variations that another recording of the same healthy machine could have.

Gain, a little background noise and a slightly different speed, by torchaudio on the waveform.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torchaudio.functional as audio

Samples = npt.NDArray[np.float32]

# Ranges of the variations: gain, level of the sound above the noise, change of speed.
_GAIN_DB = 1.5
_SNR_DB = (25.0, 40.0)
_SPEED_PERCENT = (-2, -1, 1, 2)


def augment(samples: Samples, rng: np.random.Generator) -> Samples:
    """Vary a normal recording; the same generator state gives the same samples.

    Args:
        samples: mono sound, [n], float32, 16 kHz.
        rng: source of gain (within 1.5 dB), noise (25 to 40 dB below) and speed (within 2 %).

    Returns:
        Sound of about the same length.
    """
    sound = torch.from_numpy(np.ascontiguousarray(samples))[None]
    percent = int(rng.choice(_SPEED_PERCENT))
    # As a ratio of small numbers: the kernel grows with both, to gigabytes for 16000 to 15841.
    sound = audio.resample(sound, 100 + percent, 100)
    sound = audio.gain(sound, float(rng.uniform(-_GAIN_DB, _GAIN_DB)))
    noise = torch.from_numpy(rng.standard_normal(sound.shape[1]).astype(np.float32))[None]
    sound = audio.add_noise(sound, noise, torch.tensor([float(rng.uniform(*_SNR_DB))]))
    result: Samples = sound[0].numpy().astype(np.float32)
    return result
