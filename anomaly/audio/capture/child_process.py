"""Processes that we start and that have no end of their own do not outlive us, however we end."""

from __future__ import annotations

import ctypes
import signal
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def set_parent_death_signal() -> Callable[[], None]:
    """What is to be a child's ``preexec_fn``: it is killed when the thread that starts it ends, even by kill -9."""
    # Looked up here: between fork and exec nothing may be loaded any more.
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
