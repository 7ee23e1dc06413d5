from __future__ import annotations

import numpy as np
import pytest

from anomaly.audio.simulator.transfer.convolve import add_filtered


@pytest.mark.parametrize(("samples", "taps"), [(10, 3), (5_000, 800), (40_000, 1), (33_333, 1_500)])
def test_equal_to_the_definition(samples: int, taps: int) -> None:
    rng = np.random.default_rng(samples)
    sounds = [rng.standard_normal(samples).astype(np.float32) for _ in range(2)]
    answers = [rng.standard_normal(n).astype(np.float32) for n in (taps, max(1, taps // 2))]
    out = np.ones(samples, dtype=np.float32)
    add_filtered(out, list(zip(sounds, answers, strict=True)))
    expected = 1.0 + sum(np.convolve(s, a)[:samples] for s, a in zip(sounds, answers, strict=True))
    np.testing.assert_allclose(out, expected, atol=2e-3)


def test_nothing_to_add() -> None:
    out = np.ones(5, dtype=np.float32)
    add_filtered(out, [])
    assert out.tolist() == [1.0] * 5
