"""Number that ties the birth of an edge node to its death (``bdSeq``), kept so that the next process goes on counting.

The will of a process that was killed may arrive after the birth of the next one: the number tells the host whose it is.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path

from anomaly import atomic
from anomaly.errors import ConfigError

_COUNT = 256

log = logging.getLogger(__name__)


class BirthNumber:
    """Counter from 0 to 255.

    Args:
        path: file with the newest number; None to begin anywhere.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.value = _read(path)

    def next(self) -> int:
        """Go on to the next number, and return it."""
        self.value = (self.value + 1) % _COUNT
        if self._path is not None:
            try:
                atomic.write_bytes(self._path, b"%d\n" % self.value)
            except ConfigError as error:  # a full disk
                log.warning("the number of births is not kept: %s", error)
        return self.value


def _read(path: Path | None) -> int:
    try:
        return int("" if path is None else path.read_text()) % _COUNT
    except (OSError, ValueError):
        # Hardly ever that of the process before, which counts up from such a number as well.
        return int(time.time()) % _COUNT
