"""Child processes that end with their parent, in whatever way it ends."""

from __future__ import annotations

import ctypes
import signal
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def set_parent_death_signal() -> Callable[[], None]:
    """Return a ``preexec_fn``: the child is killed when the thread that starts it ends, even by kill -9 (prctl(2))."""
    # Looked up here: between fork and exec nothing may be loaded any more.
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
