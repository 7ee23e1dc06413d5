"""Number of channels and order of sample rates with which a device is opened."""

from __future__ import annotations

import pytest

from anomaly.audio.capture.portaudio import channels_to_open, rates_to_try


@pytest.mark.parametrize(
    ("offered", "channel", "known", "opened"),
    [
        (1, None, None, 1),
        (8, None, None, 8),
        (8, 3, 1, 8),
        (32, None, None, 2),
        (32, None, 1, 1),
        (32, 1, 1, 2),
        (32, 5, None, 6),
        (32, None, 4, 2),
        (32, 40, None, 32),
    ],
)
def test_channels(offered: int, channel: int | None, known: int | None, opened: int) -> None:
    assert channels_to_open({"channels": offered}, channel, known) == opened


def test_the_most_usual_of_the_known_rates_is_tried_first() -> None:
    assert rates_to_try((11_025, 16_000, 48_000)) == [48_000, 16_000, 11_025]
    assert rates_to_try(()) == []
