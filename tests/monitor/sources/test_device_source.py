"""Microphones and streams: sound, events of the capture, and recovery after a loss."""

from __future__ import annotations

import time
from contextlib import closing
from itertools import islice

import psutil
import pytest

from anomaly.audio.capture.inputs.resolve import resolve
from anomaly.errors import DeviceError
from anomaly.monitor.plan import MonitorPlan
from anomaly.monitor.process.stop import Stop
from anomaly.monitor.sources.device_source import from_device
from anomaly.monitor.sources.events import CaptureEvent, MicrophoneLost, SoundBlock, Source
from anomaly.monitor.sources.registry import open_source
from support.sound_card import SoundServer, tone


def from_microphone(device: str, stop: Stop) -> Source:
    """The events of a single machine at a device."""
    with closing(open_source([MonitorPlan("pump", device, None, "mean", "student", 1.0)], stop)) as events:
        for (event,) in events:
            if event is not None:
                yield event


def capture_processes() -> list[psutil.Process]:
    return [
        p for p in psutil.Process().children(recursive=True) if "anomaly.audio.capture.worker" in p.cmdline()
    ]


@pytest.mark.usefixtures("no_inputs")
def test_a_microphone_that_is_not_there_at_the_start_is_an_error() -> None:
    with pytest.raises(DeviceError, match="hw:0") as caught:
        next(from_microphone("hw:0", Stop()))
    assert "inputs here: none" in str(caught.value.hint)
    assert capture_processes() == []


def first_sound(source: Source) -> SoundBlock:
    return next(piece for piece in source if isinstance(piece, SoundBlock))


def test_a_microphone_is_released_when_its_source_is_closed(pulse_microphone: SoundServer) -> None:
    source = from_microphone(pulse_microphone.device, Stop())
    assert len(first_sound(source).samples) > 0
    assert len(capture_processes()) == 1
    source.close()
    assert capture_processes() == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, BrokenPipeError, ValueError])
def test_a_microphone_is_released_by_an_exception(
    pulse_microphone: SoundServer, error: type[BaseException]
) -> None:
    source = from_microphone(pulse_microphone.device, Stop())
    first_sound(source)
    with pytest.raises(error):
        source.throw(error())
    assert capture_processes() == []


def test_a_lost_microphone_is_found_again(pulse_microphone: SoundServer) -> None:
    pulse_microphone.play(tone(440))
    source = from_microphone(pulse_microphone.device, Stop())
    first_sound(source)
    pulse_microphone.kill()
    begun = time.monotonic()
    lost = next(piece for piece in source if isinstance(piece, MicrophoneLost))
    assert time.monotonic() - begun < 5
    assert lost.reason.startswith("pulse:mic: ")
    assert isinstance(next(piece for piece in source if not isinstance(piece, CaptureEvent)), MicrophoneLost)
    pulse_microphone.start()
    begun = time.monotonic()
    assert first_sound(source).time_s == pytest.approx(time.time(), abs=3)
    assert time.monotonic() - begun < 20
    source.close()
    assert capture_processes() == []


def test_a_stop_request_ends_the_search_for_a_lost_microphone(pulse_microphone: SoundServer) -> None:
    stop = Stop()
    source = from_microphone(pulse_microphone.device, stop)
    first_sound(source)
    pulse_microphone.kill()
    next(piece for piece in source if isinstance(piece, MicrophoneLost))
    stop.request()
    assert list(source) == []
    assert capture_processes() == []


def test_an_unloaded_source_is_lost_although_the_server_switches_to_another(
    pulse_microphone: SoundServer,
) -> None:
    pulse_microphone.play(tone(440))
    source = from_microphone(pulse_microphone.device, Stop())
    first_sound(source)
    pulse_microphone.control("unload-module", "module-remap-source")
    lost = next(piece for piece in source if isinstance(piece, MicrophoneLost))
    assert "no longer offered" in lost.reason
    pulse_microphone.control("load-module", "module-remap-source", "master=room.monitor", "source_name=mic")
    assert first_sound(source).time_s == pytest.approx(time.time(), abs=3)
    source.close()


def test_a_suspended_source_is_lost_and_found_without_being_opened_again(
    pulse_microphone: SoundServer,
) -> None:
    pulse_microphone.play(tone(440))
    source = from_microphone(pulse_microphone.device, Stop())
    first_sound(source)
    pulse_microphone.suspend(True)
    lost = next(piece for piece in source if isinstance(piece, MicrophoneLost))
    assert "gave no sound for 3 s" in lost.reason
    pulse_microphone.suspend(False)
    events = []
    for piece in source:
        if isinstance(piece, CaptureEvent):
            events.append(piece)
        elif isinstance(piece, SoundBlock):
            break
    assert {"recovering", "degraded"} & {item.state for item in events}
    source.close()


def test_a_patient_plan_waits_for_a_missing_microphone(pulse_microphone: SoundServer) -> None:
    stop = Stop()
    events = from_device(lambda: resolve("pulse:later"), stop, ["mean"], patient=True)
    assert any(isinstance(received[0], MicrophoneLost) for received in islice(events, 3))
    pulse_microphone.play(tone(440))
    pulse_microphone.control("load-module", "module-remap-source", "master=room.monitor", "source_name=later")
    assert any(isinstance(received[0], SoundBlock) for received in events)
    events.close()


def test_a_missing_channel_does_not_stop_the_others(
    pulse_microphone: SoundServer,
) -> None:
    pulse_microphone.play(tone(440))
    events = from_device(lambda: resolve("mic"), Stop(), [60, 1], patient=True)
    first = next(events)
    assert isinstance(first[0], MicrophoneLost)
    assert "there is no channel 60" in first[0].reason
    received = next(received for received in events if isinstance(received[1], SoundBlock))
    assert received[0] is None
    events.close()
    with pytest.raises(DeviceError, match="there is no channel 60"):
        next(from_device(lambda: resolve("mic"), Stop(), [60], patient=True))


def test_a_stream_that_cannot_be_opened_is_an_error_at_the_start() -> None:
    address = "http://127.0.0.1:9/sound.wav"
    with pytest.raises(DeviceError, match="cannot be opened"):
        next(open_source([MonitorPlan("pump", None, address, "mean", "student", 1.0)], Stop()))
