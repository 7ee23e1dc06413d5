"""Ring buffer: sound back to the reset before the pre-roll, in bounded memory."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.monitor.clips.ring_buffer import SoundRing, on_grid

BEGIN_S = 1_800_000_000.0


def push_ramp(ring: SoundRing, seconds: float, block: int = 1_600) -> None:
    """Push sound whose samples are their own positions."""
    begin = ring.position
    for start in range(begin, begin + round(seconds * SAMPLE_RATE_HZ), block):
        samples = np.arange(start, start + block).astype(np.float32)
        ring.push(samples, BEGIN_S + start / SAMPLE_RATE_HZ)


@pytest.mark.parametrize(
    ("pushed_s", "begins_s"), [(5, 0), (15, 0), (24, 0), (25, 10), (34, 10), (45, 30), (300, 280)]
)
def test_a_clip_begins_at_the_reset_before_the_pre_roll(pushed_s: int, begins_s: int) -> None:
    ring = SoundRing(before_s=15, span_s=5, reset_s=10)
    push_ramp(ring, pushed_s)
    excerpt = ring.excerpt(ring.position)
    assert excerpt is not None
    assert excerpt.samples[0] == begins_s * SAMPLE_RATE_HZ
    assert len(excerpt.samples) == (pushed_s - begins_s) * SAMPLE_RATE_HZ
    assert (excerpt.since_reset, excerpt.begin_s) == (0, BEGIN_S + begins_s)


def test_the_pre_roll_is_complete_after_the_rest_of_the_clip() -> None:
    ring = SoundRing(before_s=15, span_s=5, reset_s=10)
    push_ramp(ring, 299)
    at = ring.position
    push_ramp(ring, 5)
    excerpt = ring.excerpt(at)
    assert excerpt is not None
    assert (excerpt.samples[0] / SAMPLE_RATE_HZ, excerpt.since_reset) == (280, 0)


def test_memory_is_bounded() -> None:
    ring = SoundRing(before_s=15, span_s=5, reset_s=10)
    push_ramp(ring, 600)
    assert sum(len(block) for block in ring._blocks) <= 32 * SAMPLE_RATE_HZ


def test_with_distant_resets_a_clip_begins_between_them() -> None:
    ring = SoundRing(before_s=5, span_s=1, reset_s=1_000)
    push_ramp(ring, 300)
    excerpt = ring.excerpt(ring.position)
    assert excerpt is not None
    assert excerpt.since_reset == excerpt.samples[0] == 295 * SAMPLE_RATE_HZ


def test_an_interruption_empties_the_buffer() -> None:
    ring = SoundRing(before_s=15, span_s=5, reset_s=10)
    push_ramp(ring, 12)
    ring.interrupt()
    assert ring.excerpt(0) is None
    push_ramp(ring, 0.5, block=800)
    assert ring.excerpt(ring.position) is None
    push_ramp(ring, 1)
    excerpt = ring.excerpt(ring.position)
    assert excerpt is not None
    assert (excerpt.since_reset, len(excerpt.samples)) == (0, 1.5 * SAMPLE_RATE_HZ)


def test_a_restart_drops_the_sound_before_it() -> None:
    ring = SoundRing(before_s=15, span_s=5, reset_s=10)
    push_ramp(ring, 20.35, block=700)
    ring.restart_at(20 * SAMPLE_RATE_HZ, reset_s=5)
    excerpt = None
    for _ in range(8):
        ring.push(np.zeros(SAMPLE_RATE_HZ, np.float32), BEGIN_S)
    excerpt = ring.excerpt(ring.position)
    assert excerpt is not None
    assert excerpt.samples[0] == 20 * SAMPLE_RATE_HZ
    assert excerpt.since_reset == 0


def test_blocks_are_copied() -> None:
    ring, buffer = SoundRing(1, 0, 10), np.ones(SAMPLE_RATE_HZ, np.float32)
    ring.push(buffer, 0.0)
    buffer[:] = 0
    excerpt = ring.excerpt(0)
    assert excerpt is not None
    assert excerpt.samples.min() == 1


def test_the_grid_of_24_bits() -> None:
    sound = np.array([0.1, -0.3, 1e-9, 1.5, -1.5, 2.0**-23], np.float32)
    found = on_grid(sound)
    assert np.array_equal(found * 2**23, np.rint(found * 2**23))
    assert np.abs(found[:3] - sound[:3]).max() <= 2.0**-24
    assert list(found[3:]) == [np.float32(1 - 2.0**-23), -1.0, np.float32(2.0**-23)]
    assert np.array_equal(on_grid(found), found)
