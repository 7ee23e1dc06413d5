"""Charts as SVG: health over time, and a calendar with a square for each day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

from anomaly.archive.report.archive_tables import DayHealth

_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 860, 180, 44, 24
_SQUARE, _WEEK_DAYS = 13, 7
_DAY_S = 86_400
# A score of so many standard deviations has the darkest colour.
_MOST_SCORE = 10.0


def day_text(day: int) -> str:
    """Return the date of a day since 1970."""
    return datetime.fromtimestamp(day * _DAY_S, UTC).strftime("%Y-%m-%d")


def health_chart(days: Sequence[DayHealth]) -> str:
    """Draw median and highest score of each day of one machine, with a dot where files were in ALARM."""
    first, last = days[0].day, days[-1].day
    highest = max(4.0, max(day.highest for day in days))
    lowest = min(0.0, min(day.median for day in days))

    def at(day: int, score: float) -> tuple[float, float]:
        x = _LEFT + (_WIDTH - _LEFT - 10) * ((day - first) / (last - first) if last > first else 0.5)
        return round(x, 1), round(8 + (_HEIGHT - _BOTTOM - 8) * (highest - score) / (highest - lowest), 1)

    lines = [
        _line([at(day.day, day.highest) for day in days], "#c9a3a0"),
        _line([at(day.day, day.median) for day in days], "#1f5c8b"),
    ]
    for day in days:
        if day.alarms:
            x, y = at(day.day, day.highest)
            title = f"{day_text(day.day)}: {day.alarms} of {day.files} in ALARM"
            lines.append(f'<circle cx="{x}" cy="{y}" r="4" fill="#b3261e"><title>{title}</title></circle>')
    for score in (lowest, highest):
        y = at(first, score)[1]
        lines.append(f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{score:.1f}</text>')
    for day_number, anchor in ((first, "start"), (last, "end"))[: 2 if last > first else 1]:
        x = at(day_number, lowest)[0]
        lines.append(f'<text x="{x}" y="{_HEIGHT - 4}" text-anchor="{anchor}">{day_text(day_number)}</text>')
    name = escape(days[0].machine)
    label = f"score per day of {name}: median and highest"
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">{"".join(lines)}</svg>'


def calendar(days: Sequence[DayHealth]) -> str:
    """Draw a square for each day of one machine, a column for each week: the darker, the higher the median score."""
    # The first of January 1970 was a Thursday.
    first_week = (days[0].day + 3) // _WEEK_DAYS
    squares = []
    for day in days:
        week, weekday = divmod(day.day + 3, _WEEK_DAYS)
        fill = "#b3261e" if day.alarms else _shade(day.median)
        title = f"{day_text(day.day)}: median {day.median:.1f}, {day.files} files, {day.alarms} in ALARM"
        x, y = (week - first_week) * _SQUARE, weekday * _SQUARE
        size = _SQUARE - 2
        squares.append(
            f'<rect x="{x}" y="{y}" width="{size}" height="{size}" fill="{fill}"><title>{title}</title></rect>'
        )
    weeks = (days[-1].day + 3) // _WEEK_DAYS - first_week + 1
    width, height = max(weeks * _SQUARE, 60), _WEEK_DAYS * _SQUARE
    label = f"calendar of {escape(days[0].machine)}"
    box = f'viewBox="0 0 {width} {height}" width="{width}"'
    return f'<svg {box} role="img" aria-label="{label}">{"".join(squares)}</svg>'


def _shade(score: float) -> str:
    """Return a blue that is the darker, the higher a score is."""
    share = min(max(score / _MOST_SCORE, 0.0), 1.0)
    return f"rgb({round(225 - 190 * share)},{round(236 - 150 * share)},{round(245 - 110 * share)})"


def _line(points: Sequence[tuple[float, float]], colour: str) -> str:
    places = " ".join(f"{x},{y}" for x, y in points)
    return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
