"""Output of records that never ends the monitoring: what cannot be written is dropped, and reported once."""

from __future__ import annotations

import logging
from collections.abc import Callable

from anomaly.monitor.records import Record
from anomaly.readable import count

_LOG = logging.getLogger(__name__)


class TolerantOutput:
    """Shows records; a full disk or a reader that has gone is no reason to stop listening.

    Args:
        show: prints one record if it is one to print, and returns whether it was; may raise OSError.

    Attributes:
        lost: how many records could not be written.
    """

    def __init__(self, show: Callable[[Record], bool]) -> None:
        self._show = show
        self._failing = False
        self.lost = 0

    def show(self, record: Record) -> None:
        """Show one record, or drop it."""
        try:
            printed = self._show(record)
        except OSError as error:
            self.lost += 1
            if not self._failing:
                _LOG.warning("the output cannot be written, monitoring goes on without it: %s", error)
            self._failing = True
        else:
            if printed and self._failing:
                _LOG.warning("the output can be written again; it lacks %s", count(self.lost, "record"))
            self._failing = self._failing and not printed
