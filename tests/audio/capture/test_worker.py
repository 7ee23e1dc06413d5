"""Capture process: messages, imports, and positions after an overflow."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from anomaly.audio.capture.wire_format import RawBlock, Unpacker
from anomaly.audio.capture.worker import copy
from support.sound_card import SoundServer


class Stream:
    """Delivers blocks at once, but one of them late, after a loss of samples."""

    def __init__(self, late_block: int, late_s: float) -> None:
        self.late_block, self.late_s = late_block, late_s
        self.count = 0
        self.read_available = 0
        self.samplerate, self.latency = 48_000.0, 1.0

    def read(self, frames: int) -> tuple[bytes, bool]:
        late = self.count == self.late_block
        time.sleep(self.late_s if late else 0)
        if self.count == 5:
            raise EOFError
        self.count += 1
        return bytes(4 * frames), late


def copied(stream: Stream) -> list[RawBlock]:
    unpacker = Unpacker()
    with pytest.raises(EOFError):
        copy(stream, 48_000, 0.006, unpacker.feed)
    blocks = []
    while isinstance(message := unpacker.next(), RawBlock):
        blocks.append(message)
    return blocks


def test_positions_are_contiguous() -> None:
    blocks = copied(Stream(late_block=9, late_s=0))
    assert [block.number for block in blocks] == [0, 1, 2, 3, 4]
    assert [block.position for block in blocks] == [0, 288, 576, 864, 1_152]
    assert not any(block.overflowed for block in blocks)


def test_an_overflow_advances_the_position_by_the_lost_samples() -> None:
    blocks = copied(Stream(late_block=2, late_s=0.2))
    lost = blocks[2].position - 576
    assert 0.18 * 48_000 <= lost <= 1.5 * 48_000
    assert [block.overflowed for block in blocks] == [False, False, True, False, False]
    assert blocks[3].position == blocks[2].position + 288


def test_time_is_that_of_the_first_sample() -> None:
    stream = Stream(late_block=9, late_s=0)
    stream.read_available = 4_800
    assert copied(stream)[0].utc == pytest.approx(time.time() - 0.1 - 0.006, abs=0.5)


def test_it_imports_no_numpy() -> None:
    code = "import sys, anomaly.audio.capture.worker; print('numpy' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


def test_the_list_is_json(pulse_microphone: SoundServer) -> None:
    listed = subprocess.check_output([sys.executable, "-m", "anomaly.audio.capture.worker", "--list"])
    names = [entry["name"] for entry in json.loads(listed)["inputs"]]
    assert "pulse" in names


def test_without_portaudio_the_apt_line_is_given(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import ctypes.util, sys\n"
        "ctypes.util.find_library = lambda name: None\n"
        "sys.argv = ['capture', '--list']\n"
        "from anomaly.audio.capture.worker import main\n"
        "sys.exit(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    answer = json.loads(done.stdout)
    assert done.returncode == 6
    assert "PortAudio" in answer["error"]
    assert "apt-get install -y libportaudio2" in answer["hint"]


def test_it_sleeps_while_a_block_fills_but_not_through_a_shallow_buffer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sleeps: list[float] = []
    monkeypatch.setattr(time, "sleep", sleeps.append)
    stream = Stream(late_block=9, late_s=0)
    with pytest.raises(EOFError):
        copy(stream, 48_000, 0.25, Unpacker().feed)
    assert max(sleeps) == pytest.approx(0.23)
    sleeps.clear()
    stream = Stream(late_block=9, late_s=0)
    stream.latency = 0.1
    with pytest.raises(EOFError):
        copy(stream, 48_000, 0.25, Unpacker().feed)
    assert max(sleeps) == pytest.approx(0.05)


def test_available_samples_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sleeps: list[float] = []
    monkeypatch.setattr(time, "sleep", sleeps.append)
    stream = Stream(late_block=9, late_s=0)
    stream.read_available = 12_000
    with pytest.raises(EOFError):
        copy(stream, 48_000, 0.25, Unpacker().feed)
    assert not any(sleeps)
