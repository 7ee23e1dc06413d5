"""Numbers in the form that people read: durations, rates, rarities, counts and local times."""

from __future__ import annotations

import math
from datetime import datetime

_MINUTE_S, _HOUR_S, _DAY_S = 60.0, 3_600.0, 86_400.0
# Above this many of a unit the next larger one is easier to read: 90 s, but 1.7 min for 100 s.
_UNITS = ((90.0, 1.0, "s"), (90 * _MINUTE_S, _MINUTE_S, "min"), (36 * _HOUR_S, _HOUR_S, "h"))
_RATES = (
    (24.0, "an hour"),
    (1.0, "a day"),
    (1.0 / 7.0, "a week"),
    (12.0 / 365.25, "a month"),
    (1.0 / 365.25, "a year"),
)
# Calibrations hold some thousand seconds: a smaller probability than this is extrapolated over several decades.
LEAST_P = 1e-6
# A second in five of normal sound is nothing rare.
COMMON_P = 0.2


def duration(seconds: float) -> str:
    """Span of time in its natural unit, to two significant digits.

    Example:
        >>> duration(42), duration(450), duration(10_800), duration(259_200)
        ('42 s', '7.5 min', '3 h', '3 days')
    """
    for most, unit, name in _UNITS:
        if seconds < most:
            return f"{significant(seconds / unit)} {name}"
    return count(significant(seconds / _DAY_S), "day")


def rate(per_day: float, noun: str | None = None) -> str:
    """Rate of events in its natural unit, to two significant digits.

    Args:
        per_day: events a day.
        noun: name of one event.

    Example:
        >>> rate(432), rate(1, "alarm"), rate(0.1, "alarm")
        ('18 an hour', '1 alarm a day', '3 alarms a month')
    """
    unit_per_day, name = next(((unit, name) for unit, name in _RATES if per_day >= unit), _RATES[-1])
    number = significant(per_day / unit_per_day)
    return f"{number if noun is None else count(number, noun)} {name}"


def rarity(p_value: float) -> str:
    """Tail probability of one second as a frequency in normal sound.

    Example:
        >>> rarity(0.01), rarity(1e-12)
        ('once in 100 seconds of normal sound', 'less often than once in a million seconds of normal sound')
    """
    if p_value > COMMON_P:
        return "as in normal sound"
    if p_value < LEAST_P:
        return "less often than once in a million seconds of normal sound"
    return f"once in {significant(round(1.0 / p_value))} seconds of normal sound"


def one_in(p_value: float) -> str:
    """Probability as one in so many, for the cell of a table.

    Example:
        >>> one_in(0.4), one_in(0.011), one_in(1e-12)
        ('common', '1 in 91', '< 1 in a million')
    """
    if p_value > COMMON_P:
        return "common"
    return f"1 in {significant(round(1.0 / p_value))}" if p_value >= LEAST_P else "< 1 in a million"


def count(number: int | str, noun: str, plural: str | None = None) -> str:
    """Number with its noun in the singular or the plural.

    Example:
        >>> count(1, "fault"), count(3, "fault"), count("1", "day")
        ('1 fault', '3 faults', '1 day')
    """
    return f"{number} {noun if str(number) == '1' else plural or noun + 's'}"


def significant(value: float, digits: int = 2) -> str:
    """Number rounded to so many significant digits, without an exponent.

    Example:
        >>> significant(7.51), significant(118.3), significant(3.0), significant(25_600)
        ('7.5', '120', '3', '26,000')
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, places)
    text = f"{rounded:,.{max(places, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def one_line(text: str) -> str:
    """Text of others without line breaks and other characters that do not print.

    Example:
        >>> one_line("250 OK\\r\\n\\x00 queued ")
        '250 OK queued'
    """
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def local_time(time_s: float) -> str:
    """UNIX time as date and time in this computer's time zone, with the zone's name."""
    return datetime.fromtimestamp(time_s).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
