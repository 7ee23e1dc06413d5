"""Count of the files that a scan passes over, by suffix, with a few of their names."""

from __future__ import annotations

from collections import Counter

# Names shown of each suffix.
_MAX_NAMED = 3
# Suffixes that are counted apart; a folder of hashes has no end of them.
_MAX_SUFFIXES = 50


class SkippedFiles:
    """Running count; memory does not grow with the number of files."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._names: dict[str, list[str]] = {}

    def __len__(self) -> int:
        return self._counts.total()

    def add(self, name: str, kind: str) -> None:
        """Count a file.

        Args:
            name: of the file.
            kind: its suffix, or another reason.
        """
        if kind not in self._names and len(self._names) >= _MAX_SUFFIXES:
            kind = "of other suffixes"
        self._counts[kind] += 1
        named = self._names.setdefault(kind, [])
        if len(named) < _MAX_NAMED:
            named.append(name)

    def merge(self, other: SkippedFiles) -> None:
        """Add the counts of another scan."""
        for kind, count in other._counts.items():
            self._counts[kind] += count
            named = self._names.setdefault(kind, [])
            named += other._names[kind][: _MAX_NAMED - len(named)]

    def message(self) -> str | None:
        """Return a sentence with the counts; None without any."""
        if not self._counts:
            return None
        kinds = []
        for kind, count in sorted(self._counts.items(), key=lambda item: (-item[1], item[0])):
            named = ", ".join(_shown(name) for name in self._names[kind])
            kinds.append(f"{count} {kind} ({named}{', ...' if count > _MAX_NAMED else ''})")
        return f"skipped by their names, no recordings: {', '.join(kinds)}"


def _shown(name: str) -> str:
    return "".join(letter if letter.isprintable() else "�" for letter in name)
