"""Memory that is no longer needed goes back to the system."""

from __future__ import annotations

import ctypes
from contextlib import suppress


def trim_memory() -> None:
    """Hand freed memory back after something large, such as a clip or a model that was loaded.

    The C library keeps it otherwise: some 50 MB after the first clip, for as long as the monitor runs. Where the
    C library knows no ``malloc_trim``, nothing happens.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
