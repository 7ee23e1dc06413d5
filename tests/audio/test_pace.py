"""Blocks are long, but short where a second ends."""

from __future__ import annotations

from itertools import pairwise

import pytest

from anomaly.audio.pace import Pace


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000])
def test_each_second_begins_with_short_blocks_and_ends_with_a_block(rate_hz: int) -> None:
    pace, ends = Pace(rate_hz, 0.1), [0]
    while ends[-1] < 5 * rate_hz:
        ends.append(ends[-1] + pace.next_frames())
    assert {k * rate_hz for k in range(6)} <= set(ends)
    sizes = [(end % rate_hz, later - end) for end, later in pairwise(ends)]
    for into, frames in sizes:
        assert frames <= (0.005 * rate_hz + 1 if into < 0.045 * rate_hz else 0.1 * rate_hz)
    assert len(ends) < 5 * 22


def test_after_a_gap_seconds_are_counted_anew() -> None:
    pace = Pace(1_000, 0.1)
    assert [pace.next_frames() for _ in range(10)][-1] == 100
    pace.begin(100)
    ends = [100]
    while ends[-1] < 1_000:
        ends.append(ends[-1] + pace.next_frames())
    assert ends[-1] == 1_000


def test_blocks_shorter_than_short_ones_stay_as_they_are() -> None:
    pace = Pace(48_000, 0.001)
    assert {pace.next_frames() for _ in range(100)} == {48}
