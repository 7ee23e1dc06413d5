"""Ring in shared memory: one writer, and readers that come and go."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest

from anomaly.monitor.live.ring import LONGEST_MESSAGE, PLACES, RingReader, RingWriter


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[RingWriter]:
    ring = RingWriter(tmp_path / "pump.ring")
    yield ring
    ring.close()


def test_new_messages_are_read_once(writer: RingWriter, tmp_path: Path) -> None:
    writer.put(b"before")
    reader = RingReader(tmp_path / "pump.ring")
    assert reader.new_messages() == []
    assert [writer.put(text) for text in (b"one", b"two")] == [True, True]
    assert reader.new_messages() == [b"one", b"two"]
    assert reader.new_messages() == []


def test_a_slow_reader_misses_the_oldest(writer: RingWriter, tmp_path: Path) -> None:
    reader = RingReader(tmp_path / "pump.ring")
    reader.new_messages()
    for number in range(3 * PLACES):
        writer.put(str(number).encode())
    found = [int(text) for text in reader.new_messages()]
    assert found[-1] == 3 * PLACES - 1
    assert found == list(range(found[0], 3 * PLACES))
    assert PLACES - 2 <= len(found) <= PLACES


def test_a_message_that_is_too_long_is_refused(writer: RingWriter) -> None:
    assert not writer.put(b"x" * (LONGEST_MESSAGE + 1))
    assert writer.put(b"x" * LONGEST_MESSAGE)


def test_the_newest_of_a_kind(writer: RingWriter, tmp_path: Path) -> None:
    for text in (b"score 1", b"score 2", b"mel"):
        writer.put(text)
    reader = RingReader(tmp_path / "pump.ring")
    assert reader.newest(b"score") == b"score 2"
    assert reader.newest(b"other") is None
    assert RingReader(tmp_path / "none.ring").newest(b"score") is None


def test_a_reader_asks_for_the_picture(writer: RingWriter, tmp_path: Path) -> None:
    reader = RingReader(tmp_path / "pump.ring")
    assert writer.watched_until_s == 0.0
    reader.reopen()
    reader.watch_until(17.5)
    assert writer.watched_until_s == 17.5


def test_a_reader_follows_a_monitor_that_was_started_again(writer: RingWriter, tmp_path: Path) -> None:
    reader = RingReader(tmp_path / "pump.ring")
    assert reader.reopen()
    other = RingWriter(tmp_path / "pump.ring")
    assert reader.reopen()
    other.put(b"new")
    assert reader.new_messages() == [b"new"]
    other.close()
    assert not reader.reopen()


def test_a_file_that_is_no_ring_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "pump.ring").write_bytes(b"nothing of the kind" * 10)
    reader = RingReader(tmp_path / "pump.ring")
    assert reader.new_messages() == []
    assert not reader.reopen()


def test_a_place_whose_number_alone_is_written_holds_no_message(writer: RingWriter, tmp_path: Path) -> None:
    reader = RingReader(tmp_path / "pump.ring")
    assert reader.reopen()
    writer.put(b"whole")
    with (tmp_path / "pump.ring").open("r+b") as file:
        file.seek(64 + 8)  # after the head and the number: length and checksum
        file.write(bytes(8))
    assert reader.new_messages() == []


def _write(path: Path, messages: int) -> None:
    ring = RingWriter(path)
    for number in range(messages):
        ring.put(f"{number} ".encode() * 200)


def test_no_message_is_ever_torn(tmp_path: Path) -> None:
    path = tmp_path / "pump.ring"
    process = multiprocessing.get_context("spawn").Process(target=_write, args=(path, 20_000))
    process.start()
    reader, seen = RingReader(path), 0
    try:
        while process.is_alive():
            for text in reader.new_messages():
                words = text.split()
                assert len(words) == 200
                assert set(words) == {words[0]}
                seen += 1
    finally:
        process.join(60.0)
        process.kill()
    process.join()
    assert process.exitcode == 0
