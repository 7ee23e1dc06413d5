"""Inputs as people see them in a list, and as the capture process opens them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class InputDevice:
    """One input that can be captured from.

    Args:
        id: argument of ``--device``; stays the same when other devices come and go.
        name: description for people.
        rates_hz: known rates; () where it takes any, or does not report them.
        channels: their number, None where unknown.
        problem: reason why it cannot be used at the moment.
        alsa: the card's name for ALSA, None where it is no card.
    """

    id: str
    name: str
    rates_hz: tuple[int, ...]
    channels: int | None
    problem: str | None = None
    alsa: str | None = None


@dataclass(frozen=True)
class Target:
    """A resolved input: the way in which the capture process opens it, and its description for people.

    Exactly one of ``alsa_definition`` (the body of an ALSA configuration entry), ``portaudio_name``
    and ``address`` (of a stream that ffmpeg reads) is set.

    Args:
        device: name that was resolved.
        description: for people.
        rates_hz: the rates it is known to take; () where it does not report them.
        pulse_source: name of the sound server's source, where it is one.
        channels: their number, None where unknown.
    """

    device: str
    description: str
    alsa_definition: str | None = None
    portaudio_name: str | None = None
    rates_hz: tuple[int, ...] = ()
    address: str | None = None
    pulse_source: str | None = None
    channels: int | None = None
