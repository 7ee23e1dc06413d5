"""A text stream that reports to be a terminal."""

from __future__ import annotations

import io


class Terminal(io.StringIO):
    """Text in memory, with `isatty` true."""

    def isatty(self) -> bool:
        """Return whether this is a terminal: it is."""
        return True
