"""Executors: a function applied to many items, in order, by one process or several.

An executor is found by its name, so that another one (a cluster, say) is one class and one call of
`register_executor`. `tests/archive/test_executors.py` runs the rules that each must keep.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from typing import Any, Protocol, TypeAlias, TypeVar

from anomaly.audio.capture.child_process import set_parent_death_signal
from anomaly.errors import UsageError

Item = TypeVar("Item")
Result = TypeVar("Result")

Results: TypeAlias = Generator[Result, None, None]

# Items submitted ahead of the one whose result is awaited, per process: one in work and one waiting.
_SUBMITTED_PER_PROCESS = 2


class Executor(Protocol):
    """Applies a function to items.

    Rules: results come in the order of the items; an item is not taken long before its result is (a bounded number
    ahead), so that memory does not grow with their number; an error of the function or of the items is raised in the
    place of the result; closing the generator ends the work.
    """

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Results[Result]:
        """Yield ``function(item)`` for each item, in order.

        Args:
            function: may be copied to other processes or machines, and then has to be serialisable.
            items: likewise.
        """


class SerialExecutor:
    """Applies the function in this process, one item after another."""

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Results[Result]:
        """Yield ``function(item)`` for each item, computed when it is requested."""
        for item in items:
            yield function(item)


class ProcessPool:
    """Applies the function in processes of this computer.

    The function is copied to each process once, so that what it loads on its first call serves all items there.

    Args:
        processes: their number; default: one per processor that this process may use.
    """

    def __init__(self, processes: int | None = None) -> None:
        self._processes = processes or len(os.sched_getaffinity(0))

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Results[Result]:
        """Yield ``function(item)`` for each item, in order; the processes end with the generator."""
        # Started afresh: threads of numerical libraries do not survive a fork.
        pool = ProcessPoolExecutor(
            self._processes, multiprocessing.get_context("spawn"), _start_process, (function,)
        )
        try:
            submitted = _submit_each(pool, items)
            waiting = deque(islice(submitted, self._processes * _SUBMITTED_PER_PROCESS))
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(islice(submitted, 1))
        finally:
            pool.shutdown(cancel_futures=True)


def _submit_each(pool: ProcessPoolExecutor, items: Iterable[Item]) -> Iterator[Future[Any]]:
    """Yield the future of each item; an error of the items is the last future, so that it keeps its place."""
    try:
        for item in items:
            yield pool.submit(_call_function, item)
    except Exception as error:
        failed: Future[Any] = Future()
        failed.set_exception(error)
        yield failed


# The function of a worker process, which serves one `ProcessPool.map`.
_function: Callable[[Any], Any] | None = None


def _start_process(function: Callable[[Any], Any]) -> None:
    global _function
    _function = function
    # Ctrl-C goes to all processes of a terminal: this one ends the work, they finish what they have begun.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    set_parent_death_signal()()


def _call_function(item: Any) -> Any:
    if _function is None:
        raise RuntimeError("the worker process has no function")
    return _function(item)


def _dask() -> Executor:
    from anomaly.archive.cluster.dask_executor import DaskExecutor

    return DaskExecutor()


_REGISTRY: dict[str, Callable[[], Executor]] = {
    "serial": SerialExecutor,
    "processes": ProcessPool,
    "dask": _dask,
}


def register_executor(name: str, build: Callable[[], Executor]) -> None:
    """Add an executor under a name, or replace the one of that name."""
    _REGISTRY[name] = build


def executor_names() -> tuple[str, ...]:
    """Return the names of all executors, sorted."""
    return tuple(sorted(_REGISTRY))


def build_executor(name: str) -> Executor:
    """Build the executor of a name.

    Raises:
        UsageError: there is none of that name.
    """
    try:
        return _REGISTRY[name]()
    except KeyError:
        hint = f"executors: {', '.join(executor_names())}"
        raise UsageError(f"there is no executor {name!r}", hint=hint) from None
