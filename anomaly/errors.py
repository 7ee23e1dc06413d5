"""Errors that a user can act on, in one tree, with the exit code on the class.

AnomalyError      1   a bug, or anything not named below
├── UsageError    2   the arguments of the command line are wrong
├── ConfigError   3   site.yaml, the environment or the choice of machine is wrong
├── InputError    4   a recording or a folder of recordings cannot be used
├── ModelError    5   a bundle is missing, damaged, unsigned or does not match
├── DeviceError   6   a microphone is missing, busy or gone
└── RemoteError   7   a broker, a webhook or a cluster did not answer
"""

from __future__ import annotations


class AnomalyError(Exception):
    """Failure that a user can act on: what happened, where, and what to do next.

    Args:
        message: what happened, one sentence without a full stop.
        where: the file, line, key or device it happened at.
        hint: what to do next.
    """

    exit_code = 1

    def __init__(self, message: str, *, where: object = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = None if where is None else str(where)
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class UsageError(AnomalyError):
    """The arguments of the command line are wrong, or do not go together."""

    exit_code = 2


class ConfigError(AnomalyError):
    """The site file, the environment or the choice of machine is wrong."""

    exit_code = 3


class InputError(AnomalyError):
    """A recording, or a folder of them, cannot be used."""

    exit_code = 4


class ModelError(AnomalyError):
    """A bundle is missing, damaged, unsigned or does not match."""

    exit_code = 5


class DeviceError(AnomalyError):
    """A microphone is missing, busy or gone."""

    exit_code = 6


class RemoteError(AnomalyError):
    """A broker, a webhook or a cluster did not answer."""

    exit_code = 7
