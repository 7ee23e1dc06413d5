"""Texts of each language, and numbers and times as it writes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from anomaly.languages import Language
from anomaly.readable import significant
from anomaly.strict_yaml import load


class TextCatalogue:
    """Texts of one language.

    Args:
        texts: content of its file.
    """

    def __init__(self, texts: Mapping[str, Any]) -> None:
        self._texts = texts
        self._separators = str.maketrans(
            {",": texts["format"]["thousands"], ".": texts["format"]["decimal"]},
        )

    def has(self, section: str, name: str) -> bool:
        """Return whether a section has a text of this name."""
        return name in self._texts[section]

    def text(self, section: str, name: str | None = None, /, **values: str) -> str:
        """Return a text with values filled in.

        Args:
            section: first level of the file.
            name: second level, if the section has one.
            values: texts for the names in braces.
        """
        found = self._texts[section] if name is None else self._texts[section][name]
        return str(found).format(**values)

    def number(self, value: float, digits: int = 2) -> str:
        """Return a number rounded to so many significant digits."""
        return significant(value, digits).translate(self._separators)

    def frequency(self, hz: float) -> str:
        """Return a frequency with its unit."""
        return f"{self.number(hz / 1000)} kHz" if hz >= 1000 else f"{self.number(hz)} Hz"

    def band(self, low_hz: float, high_hz: float) -> str:
        """Return a band of frequencies, its unit once if both edges have the same."""
        if low_hz < 1000:
            return str(self._texts["format"]["band"]).format(
                low=self.frequency(low_hz), high=self.frequency(high_hz)
            )
        low, high = (f"{hz / 1000:.1f}".translate(self._separators) for hz in (low_hz, high_hz))
        return str(self._texts["format"]["band"]).format(low=low, high=f"{high} kHz")

    def time(self, unix_s: float) -> str:
        """Return a UNIX time as date and time in this computer's time zone, with the zone."""
        local = datetime.fromtimestamp(unix_s).astimezone()
        return local.strftime(self._texts["format"]["time"])


@cache
def catalogue(language: Language) -> TextCatalogue:
    """Return the texts of a language."""
    texts, _ = load(Path(__file__).with_name(f"{language}.yaml"))
    return TextCatalogue(texts)
