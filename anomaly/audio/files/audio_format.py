"""Format of a recording, its limits, and the limits of its samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anomaly.audio.channels import Samples
from anomaly.errors import InputError

MIN_RATE_HZ, MAX_RATE_HZ = 1_000, 768_000
MAX_CHANNELS = 64
MAX_HOURS = 24
# Float files may exceed full scale: mixing and resampling overshoot by a few times. More is another unit.
MAX_PEAK = 8.0
# Full scale of the integers that programs write into float files by mistake, and the least share of samples beyond
# ``MAX_PEAK`` that speaks for them: a single value is damage.
_INTEGER_SCALES = ((16, 2.0**15), (24, 2.0**23), (32, 2.0**31))
_MIN_INTEGER_SHARE = 0.01


@dataclass(frozen=True)
class AudioFormat:
    """Plausible values of a recording's header.

    ``frames`` is None where the writer did not know the length (a FLAC from a pipe).
    """

    sample_rate_hz: int
    channels: int
    frames: int | None
    container: str
    encoding: str


@dataclass(frozen=True)
class Truncation:
    """Evidence that a recording is not complete.

    Args:
        problem: the evidence as a predicate, such as "is cut short: ...".
        missing_s: length that is missing; None where the file does not state its length.
    """

    problem: str
    missing_s: float | None = None


def cut_short(missing_s: float) -> Truncation:
    """Return the truncation of a file whose header states a longer length."""
    return Truncation(f"is cut short: its header promises {missing_s:.2f} s more than there is", missing_s)


def check_format(sample_rate_hz: int, channels: int, frames: int | None, where: object) -> None:
    """Refuse a header with a sample rate, a number of channels or a length that no recording of a machine has.

    Raises:
        InputError: with the number that is out of range.
    """
    if not MIN_RATE_HZ <= sample_rate_hz <= MAX_RATE_HZ:
        raise InputError(
            f"has a sample rate of {sample_rate_hz} Hz; {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz can be read",
            where=where,
        )
    if not 1 <= channels <= MAX_CHANNELS:
        raise InputError(f"has {channels} channels; 1 to {MAX_CHANNELS} can be read", where=where)
    if frames is not None and frames > MAX_HOURS * 3600 * sample_rate_hz:
        hours = frames / sample_rate_hz / 3600
        raise InputError(f"says it is {hours:.1f} h long; at most {MAX_HOURS} h can be read", where=where)


def check_numbers(block: Samples, start_s: float, sample_rate_hz: int, where: object) -> None:
    """Refuse NaN, infinity and magnitudes above ``MAX_PEAK`` in a block [n, channels].

    Raises:
        InputError: with the time of the first one, and for integers in a float file with their factor.
    """
    bad = ~(np.abs(block) <= MAX_PEAK)
    if not bad.any():
        return
    row = int(np.flatnonzero(bad.any(axis=1))[0])
    at_s = start_s + row / sample_rate_hz
    peak = float(np.abs(block).max())
    for bits, scale in _INTEGER_SCALES if bad.mean() >= _MIN_INTEGER_SHARE else ():
        if peak <= scale:
            raise InputError(
                f"peaks at {peak:,.0f} times full scale (first at {at_s:.3f} s), which no sound does: integers of "
                f"{bits} bits in a float file? divide by {scale:.0f}",
                where=where,
                hint=f"float samples range from -1 to 1; write them again, divided by {scale:.0f}",
            )
    worst = block[row][bad[row]][0]
    raise InputError(f"holds samples that are not sound ({worst} at {at_s:.3f} s)", where=where)
