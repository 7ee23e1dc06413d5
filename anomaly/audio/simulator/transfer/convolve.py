"""Fast convolution of long sounds with short filters, several at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import fft

from anomaly.audio.simulator.arrays import Samples


def add_filtered(out: Samples, parts: Sequence[tuple[Samples, Samples]]) -> None:
    """Add each sound of ``parts``, filtered, to ``out`` in place (overlap-add).

    Args:
        out: [samples].
        parts: (sound [samples], impulse response [taps]) pairs, which share one inverse transform.
    """
    if not parts:
        return
    taps = max(len(response) for _, response in parts)
    size = 1 << max(12, int(np.ceil(np.log2(4 * taps))))
    step = size - taps + 1
    spectra = [fft.rfft(response.astype(np.float32), size) for _, response in parts]
    for first in range(0, len(out), step):
        total = np.zeros(size // 2 + 1, dtype=np.complex64)
        for (sound, _), spectrum in zip(parts, spectra, strict=True):
            total += fft.rfft(sound[first : first + step], size) * spectrum
        block = fft.irfft(total, size)
        length = min(size, len(out) - first)
        out[first : first + length] += block[:length]
