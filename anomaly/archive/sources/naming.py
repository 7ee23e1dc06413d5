"""Time and machine of a recording, from its path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from anomaly.errors import UsageError

# strptime's letters that a name can hold, and the characters that each stands for.
_DIRECTIVES: Mapping[str, str] = {
    "Y": r"\d{4}",
    "y": r"\d{2}",
    "m": r"\d{2}",
    "d": r"\d{2}",
    "H": r"\d{2}",
    "I": r"\d{2}",
    "M": r"\d{2}",
    "S": r"\d{2}",
    "f": r"\d{1,6}",
    "j": r"\d{3}",
    "b": r"[A-Za-z]{3}",
    "B": r"[A-Za-z]+",
    "p": r"[AaPp][Mm]",
    "z": r"(?:Z|[+-]\d{2}:?\d{2})",
    "%": "%",
}


class TimePattern:
    """Pattern of a time stamp in file names.

    Args:
        pattern: with strptime's letters, such as ``%Y%m%d_%H%M%S``; it may be anywhere in the name, or in the whole
            path if it holds a slash. A time without a zone is UTC.

    Raises:
        UsageError: it holds an unknown letter, or no date.

    Example:
        >>> TimePattern("%Y%m%d_%H%M%S").time_of("/a/pump_20250131_235900_x.wav").isoformat()
        '2025-01-31T23:59:00+00:00'
    """

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._expression = re.compile(_expression(pattern))

    def time_of(self, path: str) -> datetime | None:
        """Return the first time in a path; None without one."""
        place = path if "/" in self._pattern else path.rpartition("/")[2]
        for found in self._expression.finditer(place):
            try:
                time = datetime.strptime(found.group(), self._pattern)
            except ValueError:
                continue
            return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
        return None


def _expression(pattern: str) -> str:
    parts: list[str] = []
    letters: set[str] = set()
    for literal, letter in re.findall(r"([^%]+)|%(.?)", pattern):
        if literal:
            parts.append(re.escape(literal))
            continue
        if letter not in _DIRECTIVES:
            hint = f"letters: {' '.join('%' + known for known in _DIRECTIVES)}"
            raise UsageError(
                f"holds %{letter}, which no file name is searched for", where="--time-pattern", hint=hint
            )
        letters.add(letter)
        parts.append(_DIRECTIVES[letter])
    if not letters & {"Y", "y"} or not (letters & {"d", "j"}):
        raise UsageError(
            "holds no date",
            where="--time-pattern",
            hint="such as '%Y%m%d_%H%M%S' for pump_20250131_235900.wav",
        )
    return rf"(?<!\d){''.join(parts)}(?!\d)"


_WILDCARDS = {"**": ".*", "*": "[^/]*", "?": "[^/]", "{machine}": "(?P<machine>[^/]+?)"}


@dataclass(frozen=True)
class MachineNames:
    """Machine of each file.

    Args:
        only: machine of all files, in a run for one.
        pattern: part of a path with ``{machine}`` in it.
        known: machines of a site, found by the folder that has their name; None if any name is one.
    """

    only: str | None = None
    pattern: re.Pattern[str] | None = None
    known: frozenset[str] | None = None

    def machine_of(self, path: str) -> str | None:
        """Return the machine of a file; None if its path names none."""
        if self.only is not None:
            return self.only
        if self.pattern is not None:
            found = self.pattern.search(path)
            name = None if found is None else found["machine"]
            return name if name is not None and (self.known is None or name in self.known) else None
        folders = path.replace("::", "/").split("/")[:-1]
        return next((name for name in reversed(folders) if name in (self.known or ())), None)


def machine_pattern(text: str) -> re.Pattern[str]:
    r"""Compile a pattern of paths such as ``archive/*/{machine}/*.wav``.

    Raises:
        UsageError: it does not hold ``{machine}`` once.

    Example:
        >>> machine_pattern("2025/{machine}_*.wav").search("/archive/2025/pump_0101.wav")["machine"]
        'pump'
    """
    if text.count("{machine}") != 1:
        raise UsageError(
            "does not hold {machine} once",
            where="--machine-pattern",
            hint="such as '{machine}/*.wav' for pump/1.wav",
        )
    parts = re.split(r"(\*\*|\*|\?|\{machine\})", text)
    return re.compile("".join(_WILDCARDS.get(part, re.escape(part)) for part in parts))
