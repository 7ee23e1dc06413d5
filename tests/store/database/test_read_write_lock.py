"""Readers-writer lock: many readers, or one writer."""

from __future__ import annotations

import threading

from anomaly.store.database.read_write_lock import ReadWriteLock

TIMEOUT_S = 120.0


def test_a_writer_waits_for_readers() -> None:
    lock, inside, leave, alone = ReadWriteLock(), threading.Event(), threading.Event(), threading.Event()

    def user() -> None:
        with lock.shared():
            inside.set()
            leave.wait(TIMEOUT_S)

    def owner() -> None:
        with lock.exclusive():
            alone.set()

    threads = [threading.Thread(target=user), threading.Thread(target=owner)]
    threads[0].start()
    assert inside.wait(TIMEOUT_S)
    threads[1].start()
    assert not alone.wait(0.1)
    leave.set()
    assert alone.wait(TIMEOUT_S)
    for thread in threads:
        thread.join(TIMEOUT_S)


def test_a_reader_may_enter_again_while_a_writer_waits() -> None:
    lock, alone = ReadWriteLock(), threading.Event()

    def owner() -> None:
        with lock.exclusive():
            alone.set()

    with lock.shared():
        thread = threading.Thread(target=owner)
        thread.start()
        with lock.shared():
            assert not alone.is_set()
    assert alone.wait(TIMEOUT_S)
    thread.join(TIMEOUT_S)


def test_the_lock_can_be_held_again() -> None:
    lock = ReadWriteLock()
    with lock.exclusive():
        pass
    with lock.shared(), lock.shared():
        pass
    with lock.exclusive():
        pass
