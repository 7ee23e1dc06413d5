"""Capture from a real sound server and a fake card: complete, in order, and ended by a clear error."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from anomaly.audio.capture.microphone import CapturedBlock, Microphone
from anomaly.errors import DeviceError
from support.sound_card import SoundServer, strongest_hz, tone


def captured(microphone: Microphone, seconds: float) -> list[CapturedBlock]:
    blocks: list[CapturedBlock] = []
    while sum(len(block.samples) for block in blocks) < seconds * microphone.sample_rate_hz:
        blocks.append(microphone.read())
    return blocks


def read_until_it_fails(microphone: Microphone, timeout_s: float) -> None:
    for _ in range(100):
        microphone.read(timeout_s)


def capture_processes() -> list[int]:
    children = psutil.Process().children(recursive=True)
    return [
        child.pid
        for child in children
        if "anomaly.audio.capture.worker" in " ".join(child.cmdline() or [child.name()])
    ]


def test_a_tone_is_captured_from_a_pulse_source(pulse_microphone: SoundServer) -> None:
    pulse_microphone.play(tone(1_000))
    with Microphone("mic") as microphone:
        assert microphone.description == "Pulse source mic"
        assert microphone.native_rate_hz == 48_000
        blocks = captured(microphone, 2)
    sound = np.concatenate([block.samples for block in blocks])[-16_000:]
    assert sound.dtype == np.float32
    assert strongest_hz(sound) == pytest.approx(1_000, abs=2)
    assert np.sqrt(np.mean(sound**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.02)


def test_the_fake_card_is_hw_0(fake_card: SoundServer) -> None:
    fake_card.play(tone(440))
    for device in ("hw:0", "hw:CARD=pump,DEV=0", "plughw:0,0"):
        with Microphone(device) as microphone:
            assert "Pump microphone" in microphone.description
            sound = np.concatenate([block.samples for block in captured(microphone, 1.2)])[-8_000:]
        assert strongest_hz(sound) == pytest.approx(440, abs=3)


def test_blocks_have_no_gaps_and_true_times(pulse_microphone: SoundServer) -> None:
    with Microphone("pulse:mic", block_s=0.05) as microphone:
        began = time.time()
        blocks = captured(microphone, 3)
    expected = 0
    for block in blocks:
        assert block.start_sample == expected
        assert not block.overflowed
        expected += len(block.samples)
    clock = [block.utc - block.start_sample / 16_000 for block in blocks]
    assert np.ptp(clock[5:]) < 0.3
    assert abs(clock[-1] - began) < 3


def test_the_rate_of_the_device_and_a_channel_can_be_chosen(pulse_microphone: SoundServer) -> None:
    pulse_microphone.play(tone(1_000))
    with Microphone("mic", channel=1, rate_hz=44_100, to_hz=None) as microphone:
        assert microphone.sample_rate_hz == microphone.native_rate_hz == 44_100
        sound = np.concatenate([block.samples for block in captured(microphone, 1.2)])[-22_050:]
    assert strongest_hz(sound, 44_100) == pytest.approx(1_000, abs=3)


def test_a_dead_server_is_a_device_error(pulse_microphone: SoundServer) -> None:
    with Microphone("mic") as microphone:
        captured(microphone, 0.5)
        pulse_microphone.kill()
        with pytest.raises(DeviceError) as caught:
            read_until_it_fails(microphone, timeout_s=2)
    assert caught.value.where == "mic"


def test_a_suspended_source_is_a_device_error(pulse_microphone: SoundServer) -> None:
    with Microphone("mic") as microphone:
        captured(microphone, 0.5)
        pulse_microphone.suspend(True)
        with pytest.raises(DeviceError, match=r"gave no sound for 1 s"):
            read_until_it_fails(microphone, timeout_s=1)
        pulse_microphone.suspend(False)
        assert len(captured(microphone, 0.5)) > 0


def test_a_killed_capture_process_is_a_device_error(pulse_microphone: SoundServer) -> None:
    with Microphone("mic") as microphone:
        captured(microphone, 0.2)
        os.kill(microphone.process_id, signal.SIGKILL)
        with pytest.raises(DeviceError, match="ended by signal 9"):
            read_until_it_fails(microphone, timeout_s=2)


def test_closing_leaves_no_process_and_no_file_open(pulse_microphone: SoundServer) -> None:
    with Microphone("mic") as microphone:
        captured(microphone, 0.2)
        assert capture_processes() == [microphone.process_id]
    assert capture_processes() == []
    handles = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with Microphone("mic") as microphone:
            microphone.read()
    assert len(os.listdir("/proc/self/fd")) == handles
    with pytest.raises(DeviceError, match="not open"):
        microphone.read()


def test_the_capture_process_dies_with_its_parent(pulse_microphone: SoundServer, tmp_path: Path) -> None:
    import subprocess
    import sys

    program = (
        "import sys, time\n"
        "from anomaly.audio.capture.microphone import Microphone\n"
        "microphone = Microphone('mic').__enter__()\n"
        "print(microphone.process_id, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    capture = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    capture.wait(5)


def test_a_busy_card_is_an_error_that_names_its_owner(fake_card: SoundServer) -> None:
    fake_card.kill()
    status = fake_card.folder / "root/proc/asound/card0/pcm0c/sub0/status"
    status.parent.mkdir(parents=True)
    status.write_text(f"state: RUNNING\nowner_pid   : {os.getpid()}\n")
    for device in ("hw:0", "plughw:CARD=pump"):
        with pytest.raises(
            DeviceError, match=rf"cannot be opened .*busy: used by .*\(process {os.getpid()}\)"
        ):
            Microphone(device).__enter__()


def test_a_wrong_name_is_an_error_that_lists_the_inputs(fake_card: SoundServer) -> None:
    for device in (
        "hw:1",
        "hw:10",
        "hw:0,1",
        "hw:CARD=pum",
        "plughw:1",
        "nothing",
        "mi",
        "pulse:no",
        "7",
        "",
    ):
        with pytest.raises(DeviceError) as caught, Microphone(device):
            pass
        assert caught.value.exit_code == 6, device
        assert "hw:CARD=pump,DEV=0" in str(caught.value.hint), device
    assert capture_processes() == []


def test_no_such_channel(pulse_microphone: SoundServer) -> None:
    with pytest.raises(DeviceError, match="there is no channel 40, only"), Microphone("mic", channel=40):
        pass


@pytest.mark.usefixtures("no_inputs")
def test_without_any_input_the_error_reports_that() -> None:
    with pytest.raises(DeviceError, match="hw:0: cannot be opened") as caught, Microphone("hw:0"):
        pass
    assert "inputs here: none" in str(caught.value.hint)
