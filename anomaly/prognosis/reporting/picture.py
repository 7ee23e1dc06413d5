"""Picture of a trend as a PNG: index, straight pieces, resets, alarm level, and the interval that lies ahead."""

from __future__ import annotations

import io
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from anomaly.prognosis.report import TrendReport
from anomaly.readable import local_time

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

Colour = tuple[int, int, int]

_PAPER: Colour = (255, 255, 255)
_INK: Colour = (40, 40, 40)
_GRID: Colour = (225, 225, 225)
_VALUES: Colour = (150, 165, 175)
_PIECES: Colour = (59, 126, 161)
_LEVEL: Colour = (200, 60, 40)
_AHEAD: Colour = (250, 226, 220)
_RESET: Colour = (102, 161, 130)
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM, _FONT_SIZE = 760, 260, 62, 16, 60, 42, 12
# The future is shown for at most this multiple of the past.
_MOST_AHEAD = 1.0
_TICKS = 5
_LINES, _LINE_LETTERS = 2, 110
_LEAST_SPAN = 1e-6


@dataclass(frozen=True)
class _Chart:
    """Pen with the scales of both axes."""

    draw: ImageDraw
    font: Any
    begin_s: float
    end_s: float
    low: float
    high: float

    def x(self, time_s: float) -> float:
        """Return the column of a time."""
        share = (time_s - self.begin_s) / max(self.end_s - self.begin_s, 1.0)
        return _LEFT + _WIDTH * min(max(share, 0.0), 1.0)

    def y(self, value: float) -> float:
        """Return the row of a value."""
        return _TOP + _HEIGHT * (1.0 - (value - self.low) / max(self.high - self.low, _LEAST_SPAN))

    def text(self, at: tuple[float, float], text: str, anchor: str = "la", colour: Colour = _INK) -> None:
        """Write a text."""
        self.draw.text(at, text, fill=colour, font=self.font, anchor=anchor)


def draw_trend(report: TrendReport) -> bytes:
    """Draw a trend as a PNG.

    Args:
        report: of one machine.
    """
    from PIL import Image, ImageDraw, ImageFont
    from PIL.PngImagePlugin import PngInfo

    image = Image.new("RGB", (_LEFT + _WIDTH + _RIGHT, _TOP + _HEIGHT + _BOTTOM), _PAPER)
    chart = _chart(report, ImageDraw.Draw(image), ImageFont.load_default(_FONT_SIZE))
    title = f"{report.source.name}: health index by the {report.step}"
    chart.text((_LEFT, 6), title)
    for number, line in enumerate(textwrap.wrap(report.sentence, _LINE_LETTERS)[:_LINES]):
        chart.text((_LEFT, 23 + 16 * number), line)
    if len(report.series):
        _ahead(chart, report)
        _axes(chart)
        _values(chart, report)
    facts = PngInfo()
    # A PNG's title is Latin-1.
    facts.add_text("Title", title.encode("latin-1", "replace").decode("latin-1"))
    facts.add_text("Software", "anomaly")
    data = io.BytesIO()
    image.save(data, "PNG", pnginfo=facts)
    return data.getvalue()


def _chart(report: TrendReport, draw: ImageDraw, font: Any) -> _Chart:
    """Return the scales: all values, the alarm level, and the time to it as far as it is shown."""
    series, level, interval = report.series, report.source.alarm_level, report.trend.interval
    if not len(series):
        return _Chart(draw, font, 0.0, 1.0, 0.0, 1.0)
    begin_s, end_s = float(series.times_s[0]), float(series.times_s[-1])
    if interval is not None:
        end_s += min(interval.upper_s, _MOST_AHEAD * max(end_s - begin_s, 1.0))
    shown = [float(np.quantile(series.values, share)) for share in (0.0, 1.0)]
    low, high = min(shown), max(shown if level is None else [*shown, level])
    margin = 0.08 * max(high - low, _LEAST_SPAN)
    return _Chart(draw, font, begin_s, end_s, low - margin, high + margin)


def _ahead(chart: _Chart, report: TrendReport) -> None:
    """Shade the interval in which the alarm level is expected."""
    interval = report.trend.interval
    if interval is None:
        return
    now_s = float(report.series.times_s[-1])
    left, right = chart.x(now_s + interval.lower_s), chart.x(now_s + interval.upper_s)
    chart.draw.rectangle((left, _TOP, max(right, left + 1), _TOP + _HEIGHT), fill=_AHEAD)


def _axes(chart: _Chart) -> None:
    bottom = _TOP + _HEIGHT
    for share in np.linspace(0.0, 1.0, _TICKS):
        value = chart.low + share * (chart.high - chart.low)
        y = chart.y(value)
        chart.draw.line([(_LEFT, y), (_LEFT + _WIDTH, y)], fill=_GRID)
        chart.text((_LEFT - 6, y), f"{value:.2f}", anchor="rm")
    for share, anchor in ((0.0, "la"), (0.5, "ma"), (1.0, "ra")):
        time_s = chart.begin_s + share * (chart.end_s - chart.begin_s)
        chart.text((_LEFT + share * _WIDTH, bottom + 6), local_time(time_s), anchor=anchor)


def _values(chart: _Chart, report: TrendReport) -> None:
    trend, series, level = report.trend, report.series, report.source.alarm_level
    for reset in report.source.resets:
        x = chart.x(reset.time_s)
        chart.draw.line([(x, _TOP), (x, _TOP + _HEIGHT)], fill=_RESET, width=2)
    for time_s, value in zip(series.times_s, series.values, strict=True):
        x, y = chart.x(float(time_s)), chart.y(float(value))
        chart.draw.ellipse((x - 1.5, y - 1.5, x + 1.5, y + 1.5), fill=_VALUES)
    for piece in trend.pieces:
        times = (float(trend.series.times_s[at]) for at in (piece.first, piece.last))
        ends = zip(times, (piece.begin, piece.end), strict=True)
        chart.draw.line([(chart.x(t), chart.y(v)) for t, v in ends], fill=_PIECES, width=3)
    if level is not None:
        y = chart.y(level)
        chart.draw.line([(_LEFT, y), (_LEFT + _WIDTH, y)], fill=_LEVEL, width=2)
        chart.text((_LEFT + 4, y - 3), "alarm level", anchor="lb", colour=_LEVEL)
