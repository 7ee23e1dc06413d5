"""Return of freed memory to the operating system."""

from __future__ import annotations

import ctypes
from contextlib import suppress


def trim_memory() -> None:
    """Return freed memory to the operating system after a large allocation, such as a clip or a loaded model.

    The C library would keep it otherwise: about 50 MB after the first clip, as long as the monitor runs. A C library
    without ``malloc_trim`` is left alone.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
