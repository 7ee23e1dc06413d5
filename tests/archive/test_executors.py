"""Contract of executors: every registered one keeps these rules, and so must any that is added."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import distributed
import pytest

from anomaly.archive.cluster.dask_executor import DaskExecutor
from anomaly.archive.executors import (
    Executor,
    ProcessPool,
    SerialExecutor,
    build_executor,
    executor_names,
    register_executor,
)
from anomaly.errors import UsageError

# More than any executor may take ahead.
MANY = 1000


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Address of a cluster of two threads in this process."""
    library: Any = distributed
    with library.LocalCluster(
        2,
        threads_per_worker=1,
        processes=False,
        dashboard_address="127.0.0.1:0",
        worker_dashboard_address="127.0.0.1:0",
    ) as found:
        yield found.scheduler_address


@pytest.fixture(params=executor_names())
def executor(request: pytest.FixtureRequest) -> Executor:
    if request.param == "dask":
        return DaskExecutor(request.getfixturevalue("cluster"))
    return build_executor(request.param)


class Items:
    """Numbers from 0, which counts how many were taken, and fails at one of them."""

    def __init__(self, count: int = MANY, fails_at: int | None = None) -> None:
        self.taken = 0
        self._count, self._fails_at = count, fails_at

    def __iter__(self) -> Iterator[int]:
        for number in range(self._count):
            if number == self._fails_at:
                raise OSError("the list of items ends here")
            self.taken += 1
            yield number


def test_results_keep_the_order_of_the_items(executor: Executor) -> None:
    assert list(executor.map(operator.neg, range(20))) == [-n for n in range(20)]


def test_nothing_from_nothing(executor: Executor) -> None:
    assert list(executor.map(operator.neg, [])) == []


def test_items_are_taken_as_results_are_requested(executor: Executor) -> None:
    items = Items()
    results = executor.map(operator.neg, items)
    assert items.taken == 0
    assert [next(results) for _ in range(3)] == [0, -1, -2]
    assert items.taken < MANY / 2
    results.close()


def test_closing_ends_the_work(executor: Executor) -> None:
    items = Items()
    results = executor.map(operator.neg, items)
    next(results)
    results.close()
    taken = items.taken
    assert list(results) == []
    assert items.taken == taken


def test_an_error_of_the_function_is_raised_in_its_place(executor: Executor) -> None:
    results = executor.map(int, ["1", "2", "three", "4"])
    assert [next(results), next(results)] == [1, 2]
    with pytest.raises(ValueError, match="'three'"):
        next(results)
    assert list(results) == []


def test_an_error_of_the_items_is_raised_in_its_place(executor: Executor) -> None:
    results = executor.map(operator.neg, Items(fails_at=3))
    assert [next(results) for _ in range(3)] == [0, -1, -2]
    with pytest.raises(OSError, match="the list of items ends here"):
        next(results)
    assert list(results) == []


def test_it_can_be_used_again(executor: Executor) -> None:
    assert list(executor.map(operator.neg, [1])) == [-1]
    assert list(executor.map(abs, [-1])) == [1]


def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(UsageError, match="there is no executor 'cluster'") as caught:
        build_executor("cluster")
    assert caught.value.hint == "executors: dask, processes, serial"


def test_another_executor_is_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anomaly.archive.executors._REGISTRY", {"processes": ProcessPool})
    register_executor("cluster", SerialExecutor)
    assert executor_names() == ("cluster", "processes")
    assert isinstance(build_executor("cluster"), SerialExecutor)
