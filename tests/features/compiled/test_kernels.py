"""Compiled front end and encoder have the bits of NumPy and SciPy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from anomaly.audio.compiled import compiled_kernels
from anomaly.features.compiled.mel_kernel import compiled_levels
from anomaly.features.delta_encoder import DeltaCode, DeltaEncoder
from anomaly.features.mel import mel_power, pool


@pytest.fixture
def compiled() -> Iterator[None]:
    assert compiled_kernels.load()
    yield
    compiled_kernels.unload()


@pytest.mark.parametrize("count", [0, 1000, 1024, 1535, 9216, 9728, 16_000, 50_001])
def test_levels_have_the_same_bits(count: int) -> None:
    random = np.random.default_rng(count)
    for level in (0.0, 1e-6, 1e-2, 1.0):
        samples = (random.standard_normal(count) * level).astype(np.float32)
        for bands in (32, 128):
            assert (compiled_levels(samples, bands) == pool(mel_power(samples), bands)).all()


@pytest.mark.parametrize(("nearest", "leak"), [(False, 0), (True, 0), (True, 5)])
def test_events_are_the_same_second_by_second(nearest: bool, leak: int, compiled: None) -> None:
    random = np.random.default_rng(1)
    code = DeltaCode(np.full(8, 100, np.int32), np.arange(1, 9, dtype=np.int32) * 20, 4, nearest, leak)
    levels = random.integers(-2_000, 2_000, (3, 70, 8)).astype(np.int32)
    fast, plain = DeltaEncoder(code, 3), DeltaEncoder(code, 3)
    for start in (0, 30):
        part = levels[:, start : start + 30]
        events = fast.steps(part)
        compiled_kernels.unload()
        assert (events == plain.steps(part)).all()
        assert (fast.reference == plain.reference).all()
        compiled_kernels.load()
    assert set(np.unique(events)) == {-1, 0, 1}
