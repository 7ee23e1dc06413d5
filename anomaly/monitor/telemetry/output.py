"""Output of records that never ends the monitoring: what cannot be written is dropped, and reported once."""

from __future__ import annotations

import logging
from collections.abc import Callable

from anomaly.monitor.records import Record

_LOG = logging.getLogger(__name__)


class TolerantOutput:
    """Shows records; a full disk or a reader that has gone is no reason to stop listening.

    Args:
        show: prints one record; may raise OSError.

    Attributes:
        lost: how many records could not be written.
    """

    def __init__(self, show: Callable[[Record], None]) -> None:
        self._show = show
        self._failing = False
        self.lost = 0

    def show(self, record: Record) -> None:
        """Show one record, or drop it."""
        try:
            self._show(record)
        except OSError as error:
            self.lost += 1
            if not self._failing:
                _LOG.warning("the output cannot be written, monitoring goes on without it: %s", error)
            self._failing = True
        else:
            if self._failing:
                _LOG.warning("the output can be written again; %d records are missing in it", self.lost)
            self._failing = False
