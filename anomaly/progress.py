"""Progress of long commands on stderr: bars on a terminal, and lines in a pipe or a file on request."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Report = Callable[[str, float], None]
"""Receives the name of a stage and the completed share of it."""

# A log of hours stays short, and a pipe is never silent for long.
_LINE_EVERY_S = 10.0


@contextmanager
def stages(*, lines: bool = False) -> Iterator[Report]:
    """Yield a function that shows the completed share of each named stage, one bar per stage.

    Args:
        lines: where stderr is no terminal, print a line at the beginning of each stage and every 10 s.
    """
    if not sys.stderr.isatty():
        yield _LinePrinter().report if lines else lambda _stage, _share: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<14}"), BarColumn(), TimeElapsedColumn())
    # Without this, rich would send what the command prints to the terminal instead of its pipe.
    with Progress(*columns, console=Console(stderr=True), redirect_stdout=False) as progress:
        tasks: dict[str, TaskID] = {}

        def report(stage: str, share: float) -> None:
            if stage not in tasks:
                for task in tasks.values():
                    progress.update(task, completed=1.0)
                tasks[stage] = progress.add_task(stage, total=1.0)
            progress.update(tasks[stage], completed=share)

        yield report
        for task in tasks.values():
            progress.update(task, completed=1.0)


class _LinePrinter:
    """Prints a line when a stage begins, and then at intervals."""

    def __init__(self) -> None:
        self._stage, self._printed_s = "", float("-inf")

    def report(self, stage: str, share: float) -> None:
        now_s = time.monotonic()
        if stage == self._stage and now_s - self._printed_s < _LINE_EVERY_S:
            return
        self._stage, self._printed_s = stage, now_s
        sys.stderr.write(f"{stage}: {100 * min(share, 1.0):.0f} %\n")
        sys.stderr.flush()
