"""Counter-based random numbers: each depends on a seed and a position, not on an order of calls.

A word of 64 bits is the finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
generators", OOPSLA 2014) applied to a key and a counter. Stream 7, step 900, neuron 12 gets the same word alone or
in a batch, from NumPy or from compiled code.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

__all__ = ["GOLDEN", "MIX_1", "MIX_2", "gaussian", "key_of", "noise_table", "noise_words", "uniform", "words"]

GOLDEN, MIX_1, MIX_2 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
# A noise table has 2^12 equally likely values; 16 bits of a word select one.
_TABLE_BITS = 12
_WORD = 1 << 64


def key_of(*numbers: int) -> int:
    """Derive a key of 64 bits from a seed and the numbers of a purpose."""
    key = 0
    for number in numbers:
        key = int(_mixed(np.array([(key + GOLDEN * (number + 1)) % _WORD], np.uint64))[0])
    return key


def words(key: int | NDArray[np.uint64], counters: NDArray[np.integer[Any]]) -> NDArray[np.uint64]:
    """Compute the word at each counter; keys and counters broadcast."""
    keys = np.asarray(key, np.uint64)
    return _mixed(keys + counters.astype(np.uint64) * np.uint64(GOLDEN))


def uniform(bits: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Convert words to numbers within (0, 1), with 52 bits."""
    return ((bits >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def gaussian(bits: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Convert words to numbers of a standard normal distribution."""
    numbers: NDArray[np.float64] = ndtri(uniform(bits))
    return numbers


def noise_table(sigma: float) -> NDArray[np.int64]:
    """Tabulate a normal distribution of deviation ``sigma`` as equally likely integers, ascending."""
    steps = 1 << _TABLE_BITS
    return np.rint(ndtri((np.arange(steps) + 0.5) / steps) * sigma).astype(np.int64)


def noise_words(keys: NDArray[np.uint64], step: int, neurons: int) -> NDArray[np.intp]:
    """Draw the entry of a noise table for each neuron of each stream in a step: [neuron, stream]."""
    row = words(keys, np.array([step]))
    groups = words(row[None, :], np.arange(-(-neurons // 4))[:, None])
    parts = groups[:, None, :] >> np.arange(0, 64, 16, dtype=np.uint64)[None, :, None]
    entries = parts.reshape(-1, keys.size)[:neurons] & np.uint64((1 << _TABLE_BITS) - 1)
    return entries.astype(np.intp)


def _mixed(word: NDArray[np.uint64]) -> NDArray[np.uint64]:
    word = (word ^ (word >> np.uint64(30))) * np.uint64(MIX_1)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(MIX_2)
    return word ^ (word >> np.uint64(31))
