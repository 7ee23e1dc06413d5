"""Random numbers by name: each part of a machine and of a take has a stream of its own.

A stream depends on its name alone and never on what was drawn before it, so that adding a fault
leaves every random number of the normal sound as it was.
"""

from __future__ import annotations

import zlib

import numpy as np


def stream(*name: int | str) -> np.random.Generator:
    """The random numbers that belong to a name such as ``("take", 7, "pump", 0, "flow")``.

    Args:
        name: whole numbers from 0 (seeds) and words, in order.
    """
    words = [part if isinstance(part, int) else zlib.crc32(part.encode()) for part in name]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words)))


def of_machine(machine: str, machine_id: int, part: str) -> np.random.Generator:
    """What makes this machine differ from the next one off the line: the same in every take."""
    return stream("machine", machine, machine_id, part)


def of_take(machine: str, machine_id: int, seed: int, part: str) -> np.random.Generator:
    """What differs from one take of the same machine to the next."""
    return stream("take", machine, machine_id, seed, part)
