"""Background worker: jobs in order, regular jobs, and failures that stop no other job."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from anomaly.errors import ConfigError
from anomaly.monitor.process.background import BackgroundWorker

PATIENCE_S = 120.0


def test_jobs_run_in_order_on_another_thread() -> None:
    done: list[object] = []
    with BackgroundWorker() as background:
        for number in range(5):
            assert background.submit(lambda number=number: done.append(number))  # type: ignore[misc]
        assert background.submit(lambda: done.append(threading.current_thread().name))
        assert background.wait_idle(PATIENCE_S)
    assert done == [0, 1, 2, 3, 4, "background"]


@pytest.mark.parametrize("error", [ConfigError("the disk is full"), ZeroDivisionError("a bug")])
def test_a_failing_job_is_logged_and_the_others_run(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise error

    done = threading.Event()
    with BackgroundWorker() as background:
        background.submit(fail)
        background.submit(done.set)
        assert done.wait(PATIENCE_S)
    assert str(error) in caplog.text


def test_regular_jobs(until: Callable[..., None]) -> None:
    count: list[int] = []
    with BackgroundWorker() as background:
        background.every(0.01, lambda: count.append(1), after_s=0)
        background.every(3600, lambda: pytest.fail("not due"))
        until(lambda: len(count) >= 3, PATIENCE_S)


def test_too_many_jobs_are_refused_and_the_others_finish_before_the_end() -> None:
    done: list[int] = []
    begun, go = threading.Event(), threading.Event()

    def long() -> None:
        begun.set()
        go.wait(PATIENCE_S)

    background = BackgroundWorker(max_waiting=2)
    with background:
        background.submit(long)
        assert begun.wait(PATIENCE_S)
        assert [background.submit(lambda: done.append(1)) for _ in range(3)] == [True, True, False]
        go.set()
    assert done == [1, 1]
    assert not background.submit(lambda: None)


def test_a_worker_that_never_started_closes() -> None:
    BackgroundWorker().close()
