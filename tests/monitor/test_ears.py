"""Microphones and streams: what is heard, what is told of the capture, and what brings a lost one back."""

from __future__ import annotations

import time

import psutil
import pytest
from sound_server import SoundServer, tone

from anomaly.errors import DeviceError
from anomaly.monitor.ears import from_microphone
from anomaly.monitor.sources import Lost, News, Sound, Source
from anomaly.monitor.stop import Stop


def capture_processes() -> list[psutil.Process]:
    return [p for p in psutil.Process().children(recursive=True) if "anomaly.audio.capture" in p.cmdline()]


@pytest.mark.usefixtures("no_inputs")
def test_a_microphone_that_is_not_there_at_the_start_is_an_error() -> None:
    with pytest.raises(DeviceError, match="hw:0") as caught:
        next(from_microphone("hw:0", Stop()))
    assert "inputs here: none" in str(caught.value.hint)
    assert capture_processes() == []


def first_sound(source: Source) -> Sound:
    return next(piece for piece in source if isinstance(piece, Sound))


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
    lost = next(piece for piece in source if isinstance(piece, Lost))
    assert time.monotonic() - begun < 5
    assert lost.reason.startswith("pulse:mic: ")
    assert isinstance(next(piece for piece in source if not isinstance(piece, News)), Lost)
    pulse_microphone.start()
    begun = time.monotonic()
    assert first_sound(source).time_s == pytest.approx(time.time(), abs=3)
    assert time.monotonic() - begun < 20
    source.close()
    assert capture_processes() == []


def test_looking_for_a_lost_microphone_ends_when_asked(pulse_microphone: SoundServer) -> None:
    stop = Stop()
    source = from_microphone(pulse_microphone.device, stop)
    first_sound(source)
    pulse_microphone.kill()
    next(piece for piece in source if isinstance(piece, Lost))
    stop.ask()
    assert list(source) == []
    assert capture_processes() == []
