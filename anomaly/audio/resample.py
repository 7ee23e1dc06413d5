"""Resampling from any rate to 16 kHz, with the same bits in a stream and in one piece.

A linear-phase low-pass filter is applied to overlapping blocks in the frequency domain (overlap-save). The samples of
a block depend on their position in the sound alone, never on the lengths in which it arrives. There are four blocks
per second (where the rates allow it), and each is ready ``lookahead`` samples after its last one: 6 ms at 48 kHz, the
half-length of the filter.

The filter is a windowed sinc with a Kaiser window (J. F. Kaiser, "Nonrecursive digital filter design using the I0-sinh
window function", ISCAS 1974): flat to 0.91 of half the lower rate, 120 dB down from that half on, so that nothing
aliases. A test checks these figures.
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
# Middle of the transition band, as a share of half the lower rate, and Kaiser's parameter for 120 dB:
# 0.1102 (120 - 8.7).
_CUTOFF, _BETA = 0.9565, 12.26
# The filter is computed on a grid of so many points per sample of the lower rate.
_OVERSAMPLING = 4


@dataclass(frozen=True, eq=False)
class _Plan:
    """Block lengths and filter for one pair of rates.

    Args:
        hop_in: samples by which a block advances.
        hop_out: samples that it delivers.
        before_in: samples before them at the start of the block; ``before_out`` after resampling.
        ahead: samples after them that it needs.
        size_in: samples of a block, padded with zeros; ``size_out`` after resampling.
        gain: of the filter per bin of the block's spectrum, times the ratio of the sizes.
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
        bins = fft.rfft(x, self.size_in)[: len(self.gain)]
        np.multiply(bins, self.gain, out=spectrum[: len(self.gain)])
        whole: Samples = fft.irfft(spectrum, self.size_out)
        return whole[self.before_out : self.before_out + self.hop_out]


@functools.lru_cache(maxsize=8)
def _plan(from_hz: int, to_hz: int) -> _Plan:
    # A second has so many cycles, in each of which both rates have a whole number of samples.
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
    """Compute the filter's gain in each bin below half the lower rate, for blocks of ``size`` samples at that rate."""
    half = HALF_LENGTH * _OVERSAMPLING
    offsets = np.arange(-half, half + 1)
    taps = np.sinc(offsets * (_CUTOFF / _OVERSAMPLING)) * np.kaiser(len(offsets), _BETA)
    periodic = np.zeros(size * _OVERSAMPLING)
    # At very low rates a block is shorter than the filter, whose taps then wrap around.
    np.add.at(periodic, offsets % len(periodic), taps / taps.sum())
    # Symmetric around the first sample, so that the phase is zero.
    gain: np.ndarray[tuple[int], np.dtype[np.float64]] = fft.rfft(periodic).real[: (size + 1) // 2]
    return gain


class StreamResampler:
    """Resamples one channel piece by piece.

    Args:
        from_hz: rate of the samples pushed.
        to_hz: rate of the samples returned. Equal rates pass the samples through untouched.
    """

    def __init__(self, from_hz: int, to_hz: int = SAMPLE_RATE_HZ) -> None:
        self._from_hz, self._to_hz = from_hz, to_hz
        self._plan = None if from_hz == to_hz else _plan(from_hz, to_hz)
        self._received = self._returned = 0
        self._parts: list[Samples] = []
        self._waiting = 0
        if self._plan is not None:
            self._append(np.zeros(self._plan.before_in, dtype=np.float32))

    def push(self, x: Samples) -> Samples:
        """Add samples, float32 [n]; return those that are ready, float32 [m], m may be 0."""
        if self._plan is None:
            return x
        # A copy, because the caller may use its buffer again.
        self._append(np.array(x, dtype=np.float32))
        self._received += len(x)
        return self._ready(self._plan)

    def finish(self) -> Samples:
        """Return the samples still inside; nothing may be pushed after this."""
        if self._plan is None:
            return np.zeros(0, dtype=np.float32)
        left = (2 * self._received * self._to_hz + self._from_hz) // (2 * self._from_hz) - self._returned
        blocks = -(-left // self._plan.hop_out)
        self._append(np.zeros(blocks * self._plan.hop_in + self._plan.ahead, dtype=np.float32))
        return self._ready(self._plan)[:left]

    def _append(self, x: Samples) -> None:
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
        self._append(joined[count * plan.hop_in :].copy())
        self._returned += len(ready)
        return ready


def resample(x: Samples, from_hz: int, to_hz: int = SAMPLE_RATE_HZ) -> Samples:
    """Resample float32 [n] in one piece, to the bits of ``StreamResampler``."""
    stream = StreamResampler(from_hz, to_hz)
    return np.concatenate([stream.push(x), stream.finish()])
