"""Parent's side of the capture process: starts it, reads its messages, and ends it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import subprocess
import time

from anomaly.audio.capture.inputs.input_device import Target
from anomaly.audio.capture.inputs.listing import inputs_hint
from anomaly.audio.capture.inputs.resolve import card_problem
from anomaly.audio.capture.wire_format import Failure, RawBlock, StreamStart, Unpacker
from anomaly.audio.capture.worker_command import capture_command
from anomaly.audio.channels import only_channels
from anomaly.errors import DeviceError

START_TIMEOUT_S = 15.0
_END_TIMEOUT_S = 1.0
# Space for a few seconds of sound while the reader is busy; a user's limit on pipes may forbid it.
_PIPE_BYTES = 2**20
# A larger buffer would be mapped and unmapped at each read.
_READ_BYTES = 2**16
_F_SETPIPE_SZ = 1031


class NoSoundError(DeviceError):
    """No block arrived in time; the process runs, and sound may still come."""


class NoChannelError(DeviceError):
    """The device does not have a requested channel; ``channels`` is the number that it has."""

    def __init__(self, channel: int, channels: int, device: str) -> None:
        super().__init__(f"there is no channel {channel}, {only_channels(channels)}", where=device)
        self.channels = channels


class CaptureProcess:
    """Runs ``anomaly.audio.capture.worker`` on one input.

    Args:
        target: the input.
        options: further arguments of the capture process.
        advise: list the inputs there are in an error, which takes a second.

    Raises:
        DeviceError: the input is missing, busy, or does not open in time. The process is gone then.
    """

    def __init__(self, target: Target, options: list[str], *, advise: bool = True) -> None:
        self._target, self._device = target, target.device
        self._hint = inputs_hint if advise and target.address is None else lambda: None
        self._unpacker = Unpacker()
        if target.alsa_definition is not None:
            options = ["--alsa", target.alsa_definition, *options]
        elif target.address is not None:
            options = ["--ffmpeg", target.address, *options]
        else:
            options = ["--portaudio", str(target.portaudio_name), *options]
        command, environment = capture_command(*options)
        # A process group of its own: Ctrl-C is for the parent, which then ends the capture in order.
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            process_group=0,
        )
        try:
            self._pipe = _fileno(self._process)
            self.start = self._first()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Process number."""
        return self._process.pid

    def receive(self, timeout_s: float) -> RawBlock:
        """Wait for the next block.

        Raises:
            NoSoundError: nothing came in time.
            DeviceError: the device or the process is gone.
        """
        message = self._message(timeout_s, f"gave no sound for {timeout_s:g} s")
        if not isinstance(message, RawBlock):
            raise DeviceError("the capture process started twice", where=self._device)
        return message

    def close(self) -> None:
        """End the process and collect it; may be called twice."""
        process = self._process
        for end in (process.stdin, process.stdout, process.stderr):
            if end is not None:
                end.close()
        for stop in (None, signal.SIGTERM, signal.SIGKILL):
            if stop is not None:
                process.send_signal(stop)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_END_TIMEOUT_S)
                return

    def _first(self) -> StreamStart:
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._pipe, _F_SETPIPE_SZ, _PIPE_BYTES)
        message = self._message(START_TIMEOUT_S, f"did not open within {START_TIMEOUT_S:.0f} s")
        if not isinstance(message, StreamStart):
            raise DeviceError("the capture process did not say what it opened", where=self._device)
        return message

    def _message(self, timeout_s: float, timeout_message: str) -> StreamStart | RawBlock:
        deadline_s = time.monotonic() + timeout_s
        while True:
            try:
                message = self._unpacker.next()
            except ValueError as error:
                raise DeviceError(str(error), where=self._device) from error
            if isinstance(message, Failure):
                problem = card_problem(self._target)
                text = message.message if problem is None else f"{message.message}; {problem}"
                raise DeviceError(text, where=self._device, hint=message.hint or self._hint())
            if message is not None:
                return message
            waiting_s = deadline_s - time.monotonic()
            if waiting_s <= 0 or not select.select([self._pipe], [], [], waiting_s)[0]:
                raise NoSoundError(
                    timeout_message,
                    where=self._device,
                    hint="is it plugged in, and its sound server running?",
                )
            piece = os.read(self._pipe, _READ_BYTES)
            if not piece:
                raise DeviceError(self._end_reason(), where=self._device)
            self._unpacker.feed(piece)

    def _end_reason(self) -> str:
        try:
            code = self._process.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return "the capture process closed its pipe"
        errors = self._process.stderr
        text = errors.read().decode(errors="replace") if errors is not None else ""
        last_line = text.strip().splitlines()[-1:]
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        return f"the capture process ended {how}" + (f" ({last_line[0]})" if last_line else "")


def _fileno(process: subprocess.Popen[bytes]) -> int:
    if process.stdout is None:
        raise DeviceError("the capture process has no pipe")
    return process.stdout.fileno()
