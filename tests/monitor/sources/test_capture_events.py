"""Events of a capture: each change once, gaps by the sample count, steps of the clock."""

from __future__ import annotations

from anomaly.monitor.sources.capture_events import CaptureEventEmitter
from anomaly.monitor.sources.events import CaptureEvent


def states(events: list[CaptureEvent]) -> list[str]:
    return [str(item.state) for item in events if item.event == "capture.state"]


def test_each_change_is_reported_once() -> None:
    emitter = CaptureEventEmitter()
    (opened,) = emitter.opened("card 0", 48_000)
    assert (opened.event, opened.detail) == ("device.opened", {"input": "card 0", "sample_rate_hz": 48_000})
    assert states(emitter.sound(0, 1_600, 100.0, lost=False)[1]) == ["healthy"]
    assert emitter.sound(1_600, 1_600, 100.1, lost=False) == (False, [])
    assert states(emitter.lost("unplugged")) == ["lost"]
    assert emitter.lost("unplugged") == []
    emitter.opened("card 0", 48_000)
    (back,) = emitter.sound(0, 1_600, 110.0, lost=False)[1]
    assert (back.state, back.detail["from"], back.detail["losses"], back.detail["opened"]) == (
        "recovering",
        "lost",
        1,
        2,
    )


def test_a_jump_in_the_count_of_samples_is_a_gap() -> None:
    emitter = CaptureEventEmitter()
    emitter.sound(0, 1_600, 100.0, lost=False)
    gap, events = emitter.sound(4_800, 1_600, 100.3, lost=False)
    assert (gap, states(events)) == (True, ["degraded"])
    assert (emitter.counts.gaps, emitter.counts.lost_samples) == (1, 3_200)
    assert emitter.sound(6_400, 1_600, 100.4, lost=True)[0] is True
    assert emitter.counts.gaps == 2


def test_the_first_block_follows_no_gap() -> None:
    emitter = CaptureEventEmitter()
    assert emitter.sound(500, 1_600, 100.0, lost=True)[0] is False


def test_a_clock_that_is_set_is_no_gap() -> None:
    emitter = CaptureEventEmitter()
    steps: list[str] = []
    for number in range(6):
        # Set forward by an hour before the third block, back by two before the fifth.
        set_s = 3_600.0 * (number >= 2) - 7_200.0 * (number >= 4)
        gap, events = emitter.sound(1_600 * number, 1_600, 100 + 0.1 * number + set_s, lost=False)
        steps += [f"{number} {item.detail['seconds']}" for item in events if item.event == "clock.set"]
        assert gap is False
    assert steps == ["2 3600.0", "4 -7200.0"]
    assert (emitter.counts.gaps, emitter.counts.clock_steps) == (0, 2)


def test_a_clock_that_drifts_is_not_set() -> None:
    emitter = CaptureEventEmitter()
    for number in range(1_000):
        assert all(
            item.event != "clock.set"
            for item in emitter.sound(1_600 * number, 1_600, 0.101 * number, lost=False)[1]
        )
