"""Exceptions of the toolchain, with the exit code on the class.

ChipError                1
├── SpecError            3   an architecture description is malformed or contradicts itself
├── MissingPackageError  3   a package is not installed that an optional part needs
├── NetworkError         4   a network description is missing or malformed
├── FitError             5   a sound network does not fit the chip
└── BitstreamError       5   a bitstream is missing, damaged, of another version, or not the one expected
"""

from __future__ import annotations


class ChipError(Exception):
    """A failure a user can act on: what happened, where, and what to do next.

    Args:
        message: what happened, one sentence without a full stop.
        where: the file, line, key, cell or net it happened at.
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


class SpecError(ChipError):
    """An architecture description is malformed or contradicts itself."""

    exit_code = 3


class MissingPackageError(ChipError):
    """A package is not installed that an optional part needs."""

    exit_code = 3


class NetworkError(ChipError):
    """A network description is missing or malformed."""

    exit_code = 4


class FitError(ChipError):
    """A sound network does not fit the chip."""

    exit_code = 5


class BitstreamError(ChipError):
    """A bitstream is missing, damaged, of another version, or not the one expected."""

    exit_code = 5
