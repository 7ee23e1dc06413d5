"""Blocks are long, and one ends where the resampler can deliver the last sample of a second."""

from __future__ import annotations

from itertools import pairwise

import pytest

from anomaly.audio.capture.block_schedule import BlockSchedule, lookahead
from anomaly.audio.resample import StreamResampler


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_a_block_ends_where_a_second_can_be_delivered(rate_hz: int) -> None:
    schedule, ends = BlockSchedule(rate_hz, 0.25), [0]
    while ends[-1] < 5 * rate_hz + lookahead(rate_hz):
        ends.append(ends[-1] + schedule.next_frames())
    assert {k * rate_hz + lookahead(rate_hz) for k in range(6)} - {0} <= set(ends)
    assert max(later - end for end, later in pairwise(ends)) <= round(0.25 * rate_hz)
    # Four a second, one more where a quarter is no whole number of samples, and what comes before the first second.
    assert len(ends) <= 5 * 5 + 2


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_the_resampler_then_delivers_the_whole_second(rate_hz: int) -> None:
    import numpy as np

    schedule, resampler = BlockSchedule(rate_hz, 0.25), StreamResampler(rate_hz)
    pushed = delivered = 0
    while pushed < 3 * rate_hz + lookahead(rate_hz):
        frames = schedule.next_frames()
        pushed += frames
        delivered += len(resampler.push(np.zeros(frames, dtype=np.float32)))
        seconds, rest = divmod(pushed - lookahead(rate_hz), rate_hz)
        assert rest != 0 or delivered == seconds * 16_000
    assert delivered == 3 * 16_000


def test_after_a_gap_the_count_of_seconds_restarts() -> None:
    schedule = BlockSchedule(16_000, 0.1)
    assert [schedule.next_frames() for _ in range(8)] == [1_600] * 8
    schedule.begin(1_000)
    ends = [1_000]
    while ends[-1] < 16_000:
        ends.append(ends[-1] + schedule.next_frames())
    assert ends[-1] == 16_000


def test_blocks_may_be_short() -> None:
    schedule = BlockSchedule(48_000, 0.001)
    assert {schedule.next_frames() for _ in range(100)} == {48}
