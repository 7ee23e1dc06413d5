"""Microphones and streams as sources of sound: lost ones are looked for until they are back.

One capture process serves one device, however many machines listen to its channels.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from typing import TypeAlias

from anomaly.audio.capture.ffmpeg import without_credentials
from anomaly.audio.capture.inputs.hotplug import HotplugMonitor, is_present
from anomaly.audio.capture.inputs.input_device import Target
from anomaly.audio.capture.inputs.resolve import resolve
from anomaly.audio.capture.microphone import CapturedBlock, Microphone
from anomaly.audio.capture.worker_process import NoChannelError, NoSoundError
from anomaly.audio.channels import Channel
from anomaly.errors import DeviceError
from anomaly.monitor.sources.capture_events import CaptureEventEmitter
from anomaly.monitor.sources.sources import CaptureEvent, Lost, Sound, Source, SourceEvent
from anomaly.monitor.stop import Stop

# A microphone that says nothing for this long is lost.
_SILENT_FOR_S = 3.0
# One that is open and says nothing may wake up by itself; after so long it is opened anew, then less and less often.
_FIRST_HOLD_S, _LONGEST_HOLD_S = 3.0, 20.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 5.0
# How often to look whether it is plugged in again.
_LOOK_EVERY_S = 0.5
# How often to repeat that it is still lost.
_TELL_EVERY_S = 2.0

ChannelEvents: TypeAlias = tuple[SourceEvent | None, ...]
"""What each of the machines at one device hears at once, in the order of their channels; None: nothing new."""


def from_microphone(device: str, stop: Stop, *, channel: Channel = "mean", patient: bool = False) -> Source:
    """Sound of a microphone; a lost one is looked for again, with back-off, until it is back.

    Args:
        device: as ``anomaly devices`` names it.
        stop: ends the sound.
        channel: a number counted from 0, or "mean".
        patient: one that is not there at the very start is looked for, too.

    Raises:
        DeviceError: it cannot be opened at the very start, unless patient; it has no such channel.
    """
    yield from _only(from_device(lambda: resolve(device), stop, [channel], patient=patient))


def from_stream(address: str, stop: Stop, *, channel: Channel = "mean", patient: bool = False) -> Source:
    """Sound of a stream that ffmpeg reads; one that ends is opened again.

    Raises:
        DeviceError: it cannot be opened at the very start, or ffmpeg is missing, unless patient.
    """
    yield from _only(from_device(lambda: stream_target(address), stop, [channel], patient=patient))


def _only(heards: Generator[ChannelEvents]) -> Source:
    with closing(heards):
        for (heard,) in heards:
            if heard is not None:
                yield heard


def stream_target(address: str) -> Target:
    """A stream as an input; what is said of it holds no password."""
    return Target(without_credentials(address), f"stream {without_credentials(address)}", address=address)


def from_device(
    find: Callable[[], Target],
    stop: Stop,
    channels: Sequence[Channel],
    *,
    patient: bool = False,
) -> Generator[ChannelEvents]:
    """What the channels of one device hear.

    Args:
        find: resolves the device, each time that it is opened.
        stop: ends the sound.
        channels: one for each listener.
        patient: one that is not there at the very start is looked for, too.

    Raises:
        DeviceError: it cannot be opened at the very start, unless patient.
    """
    return _DeviceSource(find, stop, channels, patient).listen()


class _DeviceSource:
    """Looks after one device."""

    def __init__(
        self, find: Callable[[], Target], stop: Stop, channels: Sequence[Channel], patient: bool
    ) -> None:
        self._find, self._stop, self._channels = find, stop, channels
        self._teller = CaptureEventEmitter()
        self._target: Target | None = None
        self._places = list(range(len(channels)))
        """Of the listeners whose channel the device has."""
        self._may_miss, self._reason = patient, ""
        self._wait_s, self._hold_s = _FIRST_WAIT_S, _FIRST_HOLD_S

    def listen(self) -> Generator[ChannelEvents]:
        while not self._stop.asked:
            try:
                yield from self._while_open()
            except NoChannelError as error:
                yield self._without(error)
                continue
            except DeviceError as error:
                if not self._may_miss:
                    raise
                yield from self._lost(error)
            yield from self._wait()

    def _while_open(self) -> Iterator[ChannelEvents]:
        self._target = self._find()
        first, *others = [self._channels[place] for place in self._places]
        device, advise = self._target.device, not self._may_miss
        with Microphone(
            device, channel=first, others=others, target=self._target, advise=advise
        ) as microphone:
            self._may_miss = True
            yield from self._to_all(self._teller.opened(microphone.description, microphone.native_rate_hz))
            with closing(HotplugMonitor(self._target)) as lookout:
                yield from self._sound(microphone, lookout)

    def _sound(self, microphone: Microphone, lookout: HotplugMonitor) -> Iterator[ChannelEvents]:
        """Sound until the device is given up; that it is lost is told before it is closed, which may take seconds."""
        timeout_s, silent_s = _SILENT_FOR_S, 0.0
        while not self._stop.asked:
            try:
                blocks = microphone.read_all(timeout_s)
            except NoSoundError as error:
                silent_s += timeout_s
                timeout_s = _LOOK_EVERY_S
                yield from self._lost(error)
                if silent_s > _SILENT_FOR_S + self._hold_s or self._is_gone():
                    self._hold_s, self._wait_s = min(2 * self._hold_s, _LONGEST_HOLD_S), _FIRST_WAIT_S
                    return
            except DeviceError as error:
                yield from self._lost(error)
                return
            else:
                timeout_s, silent_s = _SILENT_FOR_S, 0.0
                self._wait_s, self._hold_s = _FIRST_WAIT_S, _FIRST_HOLD_S
                yield from self._heard(blocks)
                if lookout.is_gone():
                    words = "is no longer offered by its sound server"
                    yield from self._lost(DeviceError(words, where=microphone.device))
                    return

    def _heard(self, blocks: tuple[CapturedBlock, ...]) -> Iterator[ChannelEvents]:
        first = blocks[0]
        gap, news = self._teller.sound(
            first.start_sample, len(first.samples), first.utc, lost=first.overflowed
        )
        yield from self._to_all(news)
        sounds = {
            place: Sound(block.samples, block.utc, gap, block.repeated)
            for place, block in zip(self._places, blocks, strict=True)
        }
        yield tuple(sounds.get(place) for place in range(len(self._channels)))

    def _without(self, error: NoChannelError) -> ChannelEvents:
        """Go on with those whose channel there is; the others are told that theirs is not.

        Raises:
            NoChannelError: there is none of them.
        """
        there = [p for p in self._places if (c := self._channels[p]) == "mean" or c < error.channels]
        if not there:
            raise error
        self._places, self._reason = there, str(error)
        gone = Lost(time.time(), self._reason)
        return tuple(None if place in there else gone for place in range(len(self._channels)))

    def _lost(self, error: DeviceError) -> Iterator[ChannelEvents]:
        self._reason = str(error)
        yield from self._to_all(self._teller.lost(self._reason))
        yield self._lost_to_all()

    def _lost_to_all(self) -> ChannelEvents:
        return tuple(Lost(time.time(), self._reason) for _ in self._channels)

    def _to_all(self, news: list[CaptureEvent]) -> Iterator[ChannelEvents]:
        for item in news:
            yield tuple(item for _ in self._channels)

    def _is_gone(self) -> bool:
        return self._target is not None and is_present(self._target) is False

    def _wait(self) -> Iterator[ChannelEvents]:
        """Until it is worth while to open it again: at once when it is plugged in, else after a while."""
        begun_s = told_s = time.monotonic()
        was_gone = False
        while not self._stop.wait(_LOOK_EVERY_S):
            gone, now_s = self._is_gone(), time.monotonic()
            if was_gone and not gone:
                break
            if not gone and now_s - begun_s >= self._wait_s:
                break
            was_gone = gone
            if now_s - told_s >= _TELL_EVERY_S:
                told_s = now_s
                yield from self._to_all(self._teller.lost(self._reason))
                yield self._lost_to_all()
        self._wait_s = _FIRST_WAIT_S if was_gone else min(2 * self._wait_s, _LONGEST_WAIT_S)
