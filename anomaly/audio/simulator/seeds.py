"""Random number streams by name: each part of a machine and of a take has one of its own.

A stream depends on its name alone, never on earlier draws, so that adding a fault does not change the random numbers
of the normal sound (seeded by `numpy.random.SeedSequence`).
"""

from __future__ import annotations

import zlib

import numpy as np


def stream(*name: int | str) -> np.random.Generator:
    """Return the random numbers of a name such as ``("take", 7, "pump", 0, "flow")``.

    Args:
        name: whole numbers from 0 (seeds) and strings, in order.
    """
    entropy = [part if isinstance(part, int) else zlib.crc32(part.encode()) for part in name]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


def of_machine(machine: str, machine_id: int, part: str) -> np.random.Generator:
    """Return the random numbers of one machine of a kind, the same in every take."""
    return stream("machine", machine, machine_id, part)


def of_take(machine: str, machine_id: int, seed: int, part: str) -> np.random.Generator:
    """Return the random numbers of one take of a machine."""
    return stream("take", machine, machine_id, seed, part)
