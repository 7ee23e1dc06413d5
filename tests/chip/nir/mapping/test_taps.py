"""Responses to one spike as integer weights at several delays."""

from __future__ import annotations

import numpy as np
import pytest

from chip.nir.mapping.taps import Response, integer_taps


@pytest.mark.parametrize(
    "response",
    [Response(0.0, 0.96, 0), Response(0.0, 0.96, 5), Response(0.5, 0.875, 3), Response(0.5, 0.9, 0)],
)
def test_response_is_matched_and_ends(response: Response) -> None:
    taps = integer_taps(np.array([102.0]), response, 3.0)
    assert taps is not None
    weight = dict(zip(taps.delay.tolist(), taps.weight.tolist(), strict=True))
    current, real, chip, off = 102.0, 102.0, 0, []
    for step in range(max(weight) + 1):
        chip += weight.get(step, 0)
        off.append(abs(real - chip))
        current *= response.alpha
        real = response.beta * real + current
        chip -= (abs(chip) >> response.shift) * int(np.sign(chip)) if response.shift else 0
    assert max(off) < 6
    assert chip == 0


def test_integrator_needs_one_tap() -> None:
    taps = integer_taps(np.array([7.0, -3.0]), Response(0.0, 1.0, 0), 0.5)
    assert taps is not None
    assert (taps.delay.tolist(), taps.weight.tolist()) == ([0, 0], [7, -3])


def test_response_that_lasts_too_long_is_refused() -> None:
    assert integer_taps(np.array([100.0]), Response(0.0, 0.9999, 0), 1.0) is None
