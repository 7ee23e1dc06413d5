"""The wish to end, from a signal or from the program."""

from __future__ import annotations

import os
import signal
import threading
import time

from anomaly.monitor.stop import Stop, on_sigterm


def test_waiting_takes_its_time_unless_asked_to_end() -> None:
    stop = Stop()
    begun = time.monotonic()
    assert not stop.wait(0.15)
    assert time.monotonic() - begun >= 0.15
    assert not stop.wait(0)
    stop.ask()
    begun = time.monotonic()
    assert stop.wait(60)
    assert time.monotonic() - begun < 5


def test_sigterm_wakes_a_sleeper_and_is_given_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    stop = Stop()
    with on_sigterm(stop):
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
        assert stop.wait(20)
    assert stop.asked
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_second_at_hand_is_heard_to_its_end_unless_asked_twice() -> None:
    stop = Stop()
    with on_sigterm(stop):
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.is_wished
        # A loaded computer may be here late, and then the end has come.
        begun = time.monotonic()
        assert stop.wait(60)
        assert time.monotonic() - begun < 30
    other = Stop()
    other.ask(after_s=3600)
    assert other.is_wished
    assert not other.asked
    with on_sigterm(other):
        os.kill(os.getpid(), signal.SIGTERM)
        assert other.asked


def test_the_earlier_wish_holds() -> None:
    stop = Stop()
    stop.ask()
    stop.ask(after_s=3600)
    assert stop.asked


def test_another_thread_leaves_signals_alone() -> None:
    before = signal.getsignal(signal.SIGTERM)
    inside: list[object] = []

    def enter() -> None:
        with on_sigterm(Stop()):
            inside.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert inside == [before]
