"""Bit packing: inverse of unpacking; values too large are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chip.bitstream.bit_packing import pack, row_bytes, unpack


@given(st.lists(st.integers(1, 20), min_size=1, max_size=8), st.integers(0, 5), st.integers(0, 2**32 - 1))
def test_unpack_is_the_inverse_of_pack(widths: list[int], items: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    columns = [random.integers(0, 1 << width, items) for width in widths]
    rows = pack(columns, widths)
    assert rows.shape == (items, row_bytes(widths))
    for before, after in zip(columns, unpack(rows, widths), strict=True):
        np.testing.assert_array_equal(before, after)


def test_least_significant_bit_comes_first() -> None:
    assert pack([np.array([1]), np.array([0b101])], [2, 4]).tolist() == [[0b010101]]


@pytest.mark.parametrize("value", [-1, 8])
def test_too_large_value_is_refused(value: int) -> None:
    with pytest.raises(ValueError, match="3 bits"):
        pack([np.array([0, value])], [3])
