"""Long sound through short filters, several at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import fft

from anomaly.audio.simulator.arrays import Samples


def add_filtered(out: Samples, parts: Sequence[tuple[Samples, Samples]]) -> None:
    """Add each sound of ``parts``, filtered, to ``out`` in place (overlap and add).

    Args:
        out: [samples].
        parts: (sound [samples], filter [taps]) pairs; the transforms back are shared.
    """
    if not parts:
        return
    taps = max(len(answer) for _, answer in parts)
    size = 1 << max(12, int(np.ceil(np.log2(4 * taps))))
    step = size - taps + 1
    spectra = [fft.rfft(answer.astype(np.float32), size) for _, answer in parts]
    for first in range(0, len(out), step):
        total = np.zeros(size // 2 + 1, dtype=np.complex64)
        for (sound, _), spectrum in zip(parts, spectra, strict=True):
            total += fft.rfft(sound[first : first + step], size) * spectrum
        block = fft.irfft(total, size)
        room = min(size, len(out) - first)
        out[first : first + room] += block[:room]
