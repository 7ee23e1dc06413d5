"""Any sample rate to 16 kHz, with the same bits in a stream and in one piece.

A linear-phase low-pass, applied in blocks that overlap, in the frequency domain. Which samples make a block depends on
their place in the sound alone, never on how it is cut. Four blocks make a second (where the rates allow it), and each
is ready ``lookahead`` samples after its last one: 6 ms at 48 kHz, the half-length of the filter and no more, so that
a score need not wait.

The filter is a windowed sinc (Kaiser, 1974): flat to 0.91 of half the lower rate, 120 dB down from that half on, so
that nothing folds back. These figures are held by a test.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from scipy import fft

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.capture.block_schedule import HALF_LENGTH, lookahead
from anomaly.audio.channels import Samples

_BLOCKS_PER_S = 4
# Half of the way from the pass band to the stop band, of half the lower rate, and the shape of Kaiser's window.
_CUTOFF, _BETA = 0.9565, 12.26
# The filter is computed on a grid so many times finer than the lower rate.
_FINER = 4


@dataclass(frozen=True, eq=False)
class _Plan:
    """How one rate becomes another.

    Args:
        hop_in: samples by which a block moves on.
        hop_out: samples it delivers.
        before_in: samples before them that the block begins with; ``before_out`` after resampling.
        ahead: samples after them that it waits for.
        size_in: samples of a block, filled up with zeros; ``size_out`` after resampling.
        gain: of the filter, per line of the block's spectrum, and of the change of size.
    """

    hop_in: int
    hop_out: int
    before_in: int
    before_out: int
    ahead: int
    size_in: int
    size_out: int
    gain: Samples

    def block(self, x: Samples) -> Samples:
        """Resample one block, [before_in + hop_in + ahead]; return [hop_out]."""
        spectrum = np.zeros(self.size_out // 2 + 1, dtype=np.complex64)
        lines = fft.rfft(x, self.size_in)[: len(self.gain)]
        np.multiply(lines, self.gain, out=spectrum[: len(self.gain)])
        whole: Samples = fft.irfft(spectrum, self.size_out)
        return whole[self.before_out : self.before_out + self.hop_out]


@functools.lru_cache(maxsize=8)
def _plan(from_hz: int, to_hz: int) -> _Plan:
    # In so many parts of a second, cycles, both rates have a whole number of samples.
    per_s = math.gcd(from_hz, to_hz)
    cycle_in, cycle_out = from_hz // per_s, to_hz // per_s
    hop = per_s // max(n for n in range(1, _BLOCKS_PER_S + 1) if per_s % n == 0)
    ahead = lookahead(from_hz, to_hz)
    before = -(-ahead // cycle_in)
    cycles = fft.next_fast_len(before + hop + before, real=True)
    size_in, size_out = cycles * cycle_in, cycles * cycle_out
    gain = _gain(min(size_in, size_out)) * (size_out / size_in)
    return _Plan(
        hop * cycle_in,
        hop * cycle_out,
        before * cycle_in,
        before * cycle_out,
        ahead,
        size_in,
        size_out,
        gain.astype(np.float32),
    )


def _gain(size: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Gain of each line below half the lower rate, of a block that holds ``size`` samples at that rate."""
    half = HALF_LENGTH * _FINER
    places = np.arange(-half, half + 1)
    taps = np.sinc(places * (_CUTOFF / _FINER)) * np.kaiser(len(places), _BETA)
    circle = np.zeros(size * _FINER)
    # A block of a few samples, of a rate near nothing, is shorter than the filter.
    np.add.at(circle, places % len(circle), taps / taps.sum())
    # Symmetric around the first sample: no phase.
    lines: np.ndarray[tuple[int], np.dtype[np.float64]] = fft.rfft(circle).real[: (size + 1) // 2]
    return lines


class StreamResampler:
    """Resamples one channel piece by piece.

    Args:
        from_hz: rate of the samples pushed.
        to_hz: rate of the samples returned. Equal rates pass the samples through untouched.
    """

    def __init__(self, from_hz: int, to_hz: int = SAMPLE_RATE_HZ) -> None:
        self._from_hz, self._to_hz = from_hz, to_hz
        self._plan = None if from_hz == to_hz else _plan(from_hz, to_hz)
        self._taken = self._returned = 0
        self._parts: list[Samples] = []
        self._waiting = 0
        if self._plan is not None:
            self._wait(np.zeros(self._plan.before_in, dtype=np.float32))

    def push(self, x: Samples) -> Samples:
        """Take float32 [n] and return what is ready, float32 [m]; m may be 0."""
        if self._plan is None:
            return x
        # A copy: what waits must not change when the caller uses its buffer again.
        self._wait(np.array(x, dtype=np.float32))
        self._taken += len(x)
        return self._ready(self._plan)

    def finish(self) -> Samples:
        """Return the samples still inside; nothing may be pushed after this."""
        if self._plan is None:
            return np.zeros(0, dtype=np.float32)
        left = (2 * self._taken * self._to_hz + self._from_hz) // (2 * self._from_hz) - self._returned
        blocks = -(-left // self._plan.hop_out)
        self._wait(np.zeros(blocks * self._plan.hop_in + self._plan.ahead, dtype=np.float32))
        return self._ready(self._plan)[:left]

    def _wait(self, x: Samples) -> None:
        self._parts.append(x)
        self._waiting += len(x)

    def _ready(self, plan: _Plan) -> Samples:
        needed = plan.before_in + plan.hop_in + plan.ahead
        count = max(0, (self._waiting - needed) // plan.hop_in + 1)
        if count == 0:
            return np.zeros(0, dtype=np.float32)
        joined = np.concatenate(self._parts)
        starts = range(0, count * plan.hop_in, plan.hop_in)
        ready = np.concatenate([plan.block(joined[start : start + needed]) for start in starts])
        self._parts, self._waiting = [], 0
        self._wait(joined[count * plan.hop_in :].copy())
        self._returned += len(ready)
        return ready


def resample(x: Samples, from_hz: int, to_hz: int = SAMPLE_RATE_HZ) -> Samples:
    """Resample float32 [n] in one piece; the samples are those of ``StreamResampler``."""
    stream = StreamResampler(from_hz, to_hz)
    return np.concatenate([stream.push(x), stream.finish()])
