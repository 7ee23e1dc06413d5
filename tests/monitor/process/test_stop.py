"""Stop request, from a signal or from the program."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from anomaly.monitor.process.stop import Stop, on_signals


def test_a_wait_ends_early_only_when_the_stop_is_due() -> None:
    stop = Stop()
    begun = time.monotonic()
    assert not stop.wait(0.15)
    assert time.monotonic() - begun >= 0.15
    assert not stop.wait(0)
    stop.request()
    begun = time.monotonic()
    assert stop.wait(60)
    assert time.monotonic() - begun < 5


def test_sigterm_ends_a_wait_and_its_handler_is_restored() -> None:
    before = signal.getsignal(signal.SIGTERM)
    stop = Stop()
    with on_signals(stop):
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
        assert stop.wait(20)
    assert stop.is_due
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_current_second_is_completed_unless_sigterm_comes_twice() -> None:
    stop = Stop()
    with on_signals(stop):
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.is_requested
        # A loaded computer may be here late, and then the end has come.
        begun = time.monotonic()
        assert stop.wait(60)
        assert time.monotonic() - begun < 30
    other = Stop()
    other.request(after_s=3600)
    assert other.is_requested
    assert not other.is_due
    with on_signals(other):
        os.kill(os.getpid(), signal.SIGTERM)
        assert other.is_due


def interrupted(times: int, done: list[str]) -> None:
    """Wait for the stop after some signals of Ctrl-C, then note that the work is done."""
    stop = Stop()
    with on_signals(stop):
        for _ in range(times):
            os.kill(os.getpid(), signal.SIGINT)
        assert stop.wait(60)
        done.append("written")


@pytest.mark.parametrize(("times", "expected"), [(1, ["written"]), (2, [])])
def test_ctrl_c_is_raised_when_the_work_is_done_and_the_second_at_once(
    times: int, expected: list[str]
) -> None:
    before = signal.getsignal(signal.SIGINT)
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(times, done)
    assert done == expected
    assert signal.getsignal(signal.SIGINT) is before


def test_a_sigint_that_the_caller_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        stop = Stop()
        with on_signals(stop):
            os.kill(os.getpid(), signal.SIGINT)
            assert not stop.is_requested
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_earlier_request_counts() -> None:
    stop = Stop()
    stop.request()
    stop.request(after_s=3600)
    assert stop.is_due


def test_another_thread_leaves_signal_handlers_alone() -> None:
    before = signal.getsignal(signal.SIGTERM)
    inside: list[object] = []

    def enter() -> None:
        with on_signals(Stop()):
            inside.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert inside == [before]
