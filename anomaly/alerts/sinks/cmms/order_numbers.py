"""Numbers of the work orders of cases, in a file beside the database: no second one is made after a restart."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from anomaly import atomic
from anomaly.errors import ConfigError

log = logging.getLogger(__name__)
# The newest are kept: cases that are open, and those of the last months.
_REMEMBERED = 1_000


class OrderNumbers:
    """Numbers by case.

    Args:
        path: of the file; None keeps them in memory alone.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._numbers = _read(path)

    def of(self, case_id: str) -> str | None:
        """Return the number of a case's work order, if it is known."""
        return self._numbers.get(case_id)

    def keep(self, case_id: str, number: str) -> None:
        """Keep the number of a case's work order."""
        if self._numbers.get(case_id) != number:
            self._numbers[case_id] = number
            while len(self._numbers) > _REMEMBERED:
                del self._numbers[next(iter(self._numbers))]
            self._write()

    def forget(self, case_id: str) -> None:
        """Forget a number, so that the work order is looked up again."""
        if self._numbers.pop(case_id, None) is not None:
            self._write()

    def _write(self) -> None:
        if self._path is None:
            return
        try:
            atomic.write_bytes(self._path, json.dumps(self._numbers, indent=1).encode())
        except ConfigError as error:  # a full disk: the system is asked instead
            log.warning("numbers of work orders are not kept: %s", error)


def _read(path: Path | None) -> dict[str, str]:
    if path is None or not path.is_file():
        return {}
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        log.warning("%s: numbers of work orders are looked up anew: %s", path, error)
        return {}
    return {str(case): str(number) for case, number in found.items()} if isinstance(found, dict) else {}
