"""The gate: many inside, or one alone."""

from __future__ import annotations

import threading

from anomaly.store.read_write_lock import ReadWriteLock

PATIENCE_S = 120.0


def test_whoever_wants_to_be_alone_waits_for_those_inside() -> None:
    gate, inside, leave, alone = ReadWriteLock(), threading.Event(), threading.Event(), threading.Event()

    def user() -> None:
        with gate.use():
            inside.set()
            leave.wait(PATIENCE_S)

    def owner() -> None:
        with gate.shut():
            alone.set()

    threads = [threading.Thread(target=user), threading.Thread(target=owner)]
    threads[0].start()
    assert inside.wait(PATIENCE_S)
    threads[1].start()
    assert not alone.wait(0.1)
    leave.set()
    assert alone.wait(PATIENCE_S)
    for thread in threads:
        thread.join(PATIENCE_S)


def test_a_thread_inside_may_go_in_again_while_somebody_waits() -> None:
    gate, alone = ReadWriteLock(), threading.Event()

    def owner() -> None:
        with gate.shut():
            alone.set()

    with gate.use():
        thread = threading.Thread(target=owner)
        thread.start()
        with gate.use():
            assert not alone.is_set()
    assert alone.wait(PATIENCE_S)
    thread.join(PATIENCE_S)


def test_the_gate_opens_again() -> None:
    gate = ReadWriteLock()
    with gate.shut():
        pass
    with gate.use(), gate.use():
        pass
    with gate.shut():
        pass
