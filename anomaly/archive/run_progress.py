"""Progress of a long run on stderr: files done, their rate, and the time that is left."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from anomaly.archive.result_counts import ResultCounts
from anomaly.readable import count, duration

# A log of hours stays short, and a terminal shows that the run goes on.
_LINE_EVERY_S, _TERMINAL_EVERY_S = 30.0, 0.5


class RunProgress:
    """Printer of one line, rewritten on a terminal and repeated at intervals elsewhere.

    Args:
        files: of the run.
    """

    def __init__(self, files: int) -> None:
        self._files = files
        self._begin_s = self._printed_s = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._width = 0

    def __enter__(self) -> RunProgress:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")

    def __call__(self, counts: ResultCounts) -> None:
        """Take the counts after a part."""
        now_s = time.monotonic()
        if now_s - self._printed_s < (_TERMINAL_EVERY_S if self._terminal else _LINE_EVERY_S):
            return
        self._printed_s = now_s
        line = progress_line(counts.files, self._files, now_s - self._begin_s)
        if self._terminal:
            sys.stderr.write("\r" + line.ljust(self._width))
            self._width = len(line)
        else:
            sys.stderr.write(line + "\n")
        sys.stderr.flush()


def progress_line(done: int, files: int, elapsed_s: float) -> str:
    """Return the line of a run.

    Example:
        >>> progress_line(1000, 5000, 20.0)
        '1000 of 5000 files, 50 a second, 80 s left'
    """
    rate = done / max(elapsed_s, 1e-3)
    left = duration((files - done) / max(rate, 1e-9))
    return f"{done} of {count(files, 'file')}, {rate:.3g} a second, {left} left"
