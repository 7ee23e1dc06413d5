"""Source of a microphone or stream: a lost one is looked for until it is back.

One capture process serves one device, however many machines listen to its channels.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

from anomaly.audio.capture.ffmpeg import without_credentials
from anomaly.audio.capture.inputs.hotplug import HotplugMonitor, is_present
from anomaly.audio.capture.inputs.input_device import Target
from anomaly.audio.capture.microphone import CapturedBlock, Microphone
from anomaly.audio.capture.worker_process import NoChannelError, NoSoundError
from anomaly.audio.channels import Channel
from anomaly.errors import DeviceError
from anomaly.monitor.process.stop import Stop
from anomaly.monitor.sources.capture_events import CaptureEventEmitter
from anomaly.monitor.sources.events import (
    CaptureEvent,
    ChannelEvents,
    ChannelSource,
    MicrophoneLost,
    SoundBlock,
)

# A microphone that gives no sound for this long is lost.
_SILENCE_TIMEOUT_S = 3.0
# One that is open and silent may wake up by itself; after so long it is opened anew, then less and less often.
_MIN_HOLD_S, _MAX_HOLD_S = 3.0, 20.0
_MIN_WAIT_S, _MAX_WAIT_S = 0.5, 5.0
# How often to look whether it is plugged in again.
_LOOK_EVERY_S = 0.5
# How often to repeat that it is still lost.
_REPEAT_LOST_EVERY_S = 2.0


def stream_target(address: str) -> Target:
    """Return a stream as an input whose description holds no password."""
    return Target(without_credentials(address), f"stream {without_credentials(address)}", address=address)


def from_device(
    find: Callable[[], Target],
    stop: Stop,
    channels: Sequence[Channel],
    *,
    patient: bool = False,
) -> ChannelSource:
    """Deliver the sound of the channels of one device.

    Args:
        find: resolves the device, each time that it is opened.
        stop: ends the sound.
        channels: one for each machine.
        patient: a device that is missing at the start is looked for, like one that was lost.

    Raises:
        DeviceError: it cannot be opened at the very start, unless patient.
    """
    return _DeviceSource(find, stop, channels, patient).listen()


class _DeviceSource:
    """One device: opened, read, and opened again after a loss."""

    def __init__(
        self, find: Callable[[], Target], stop: Stop, channels: Sequence[Channel], patient: bool
    ) -> None:
        self._find, self._stop, self._channels = find, stop, channels
        self._emitter = CaptureEventEmitter()
        self._target: Target | None = None
        self._positions = list(range(len(channels)))
        """Of the machines whose channel the device has."""
        self._may_miss, self._reason = patient, ""
        self._wait_s, self._hold_s = _MIN_WAIT_S, _MIN_HOLD_S

    def listen(self) -> ChannelSource:
        while not self._stop.is_due:
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
        first, *others = [self._channels[position] for position in self._positions]
        device, advise = self._target.device, not self._may_miss
        with Microphone(
            device, channel=first, others=others, target=self._target, advise=advise
        ) as microphone:
            self._may_miss = True
            yield from self._to_all(self._emitter.opened(microphone.description, microphone.native_rate_hz))
            with closing(HotplugMonitor(self._target)) as lookout:
                yield from self._sound(microphone, lookout)

    def _sound(self, microphone: Microphone, lookout: HotplugMonitor) -> Iterator[ChannelEvents]:
        """Deliver sound until the device is given up; the loss is reported before the slow closing."""
        timeout_s, silent_s = _SILENCE_TIMEOUT_S, 0.0
        while not self._stop.is_due:
            try:
                blocks = microphone.read_all(timeout_s)
            except NoSoundError as error:
                silent_s += timeout_s
                timeout_s = _LOOK_EVERY_S
                yield from self._lost(error)
                if silent_s > _SILENCE_TIMEOUT_S + self._hold_s or self._is_gone():
                    self._hold_s, self._wait_s = min(2 * self._hold_s, _MAX_HOLD_S), _MIN_WAIT_S
                    return
            except DeviceError as error:
                yield from self._lost(error)
                return
            else:
                timeout_s, silent_s = _SILENCE_TIMEOUT_S, 0.0
                self._wait_s, self._hold_s = _MIN_WAIT_S, _MIN_HOLD_S
                yield from self._received(blocks)
                if lookout.is_gone():
                    words = "is no longer offered by its sound server"
                    yield from self._lost(DeviceError(words, where=microphone.device))
                    return

    def _received(self, blocks: tuple[CapturedBlock, ...]) -> Iterator[ChannelEvents]:
        first = blocks[0]
        gap, events = self._emitter.sound(
            first.start_sample, len(first.samples), first.utc, lost=first.overflowed
        )
        yield from self._to_all(events)
        sounds = {
            position: SoundBlock(block.samples, block.utc, gap, block.repeated)
            for position, block in zip(self._positions, blocks, strict=True)
        }
        yield tuple(sounds.get(position) for position in range(len(self._channels)))

    def _without(self, error: NoChannelError) -> ChannelEvents:
        """Go on with the machines whose channel the device has; the others get a loss.

        Raises:
            NoChannelError: it has none of them.
        """
        there = [p for p in self._positions if (c := self._channels[p]) == "mean" or c < error.channels]
        if not there:
            raise error
        self._positions, self._reason = there, str(error)
        gone = MicrophoneLost(time.time(), self._reason)
        return tuple(None if position in there else gone for position in range(len(self._channels)))

    def _lost(self, error: DeviceError) -> Iterator[ChannelEvents]:
        self._reason = str(error)
        yield from self._to_all(self._emitter.lost(self._reason))
        yield self._lost_to_all()

    def _lost_to_all(self) -> ChannelEvents:
        return tuple(MicrophoneLost(time.time(), self._reason) for _ in self._channels)

    def _to_all(self, events: list[CaptureEvent]) -> Iterator[ChannelEvents]:
        for item in events:
            yield tuple(item for _ in self._channels)

    def _is_gone(self) -> bool:
        return self._target is not None and is_present(self._target) is False

    def _wait(self) -> Iterator[ChannelEvents]:
        """Wait until opening it again may succeed: at once when it is plugged in, else after a while."""
        begun_s = repeated_s = time.monotonic()
        was_gone = False
        while not self._stop.wait(_LOOK_EVERY_S):
            gone, now_s = self._is_gone(), time.monotonic()
            if was_gone and not gone:
                break
            if not gone and now_s - begun_s >= self._wait_s:
                break
            was_gone = gone
            if now_s - repeated_s >= _REPEAT_LOST_EVERY_S:
                repeated_s = now_s
                yield from self._to_all(self._emitter.lost(self._reason))
                yield self._lost_to_all()
        self._wait_s = _MIN_WAIT_S if was_gone else min(2 * self._wait_s, _MAX_WAIT_S)
