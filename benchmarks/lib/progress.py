"""Progress messages of the benchmarks."""

from __future__ import annotations

import sys


def log(message: str) -> None:
    """Print a progress message on stderr, so that stdout holds only the result."""
    print(message, file=sys.stderr, flush=True)
