"""Line plots drawn with Pillow: axes, curves and marks."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anomaly.diagnose.physics.envelope import Curve

WIDTH, HEIGHT = 760, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 14, 28, 40
_PAPER, _INK, _GRID = (255, 255, 255), (40, 40, 40), (225, 225, 225)
COLOURS = ((40, 90, 160), (200, 60, 40), (120, 120, 120))
_FONT_SIZE = 11
_TICKS = 6


@dataclass(frozen=True)
class Mark:
    """A vertical line with a label.

    Args:
        x: its place on the horizontal axis.
        label: text at its top.
    """

    x: float
    label: str


@dataclass(frozen=True, eq=False)
class Line:
    """A curve.

    Args:
        x, y: [n] each.
        name: for the legend.
    """

    x: Curve
    y: Curve
    name: str = ""


def draw_plot(title: str, axes: tuple[str, str], lines: Sequence[Line], marks: Sequence[Mark] = ()) -> bytes:
    """Draw curves as a PNG.

    Args:
        title: above the plot.
        axes: labels of the horizontal and the vertical axis.
        lines: the curves, at least one, with at least two points.
        marks: places to point at.
    """
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(_FONT_SIZE)
    low, high = _range(np.concatenate([line.x for line in lines]))
    bottom, top = _range(np.concatenate([line.y for line in lines]))
    span_x, span_y = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            _LEFT + span_x * (x - low) / (high - low),
            _TOP + span_y * (1 - (y - bottom) / (top - bottom)),
        )

    for tick in _ticks(low, high):
        at = place(tick, bottom)
        draw.line([(at[0], _TOP), at], fill=_GRID)
        draw.text((at[0], at[1] + 4), f"{tick:g}", fill=_INK, font=font, anchor="ma")
    for tick in _ticks(bottom, top):
        at = place(low, tick)
        draw.line([at, (WIDTH - _RIGHT, at[1])], fill=_GRID)
        draw.text((at[0] - 5, at[1]), f"{tick:g}", fill=_INK, font=font, anchor="rm")
    for mark in marks:
        if low <= mark.x <= high:
            x = place(mark.x, bottom)[0]
            draw.line([(x, _TOP), (x, HEIGHT - _BOTTOM)], fill=(230, 160, 60))
            draw.text((x + 2, _TOP + 2), mark.label, fill=(170, 100, 20), font=font)
    for line, colour in zip(lines, COLOURS, strict=False):
        draw.line([place(float(x), float(y)) for x, y in zip(line.x, line.y, strict=True)], fill=colour)
    draw.text((_LEFT, 8), title, fill=_INK, font=font)
    draw.text((WIDTH / 2, HEIGHT - 16), f"{axes[0]}; vertical: {axes[1]}", fill=_INK, font=font, anchor="ma")
    _legend(draw, font, lines)
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


def _legend(draw: object, font: object, lines: Sequence[Line]) -> None:
    for number, (line, colour) in enumerate(zip(lines, COLOURS, strict=False)):
        if line.name:
            at = (WIDTH - _RIGHT - 4, _TOP + 4 + 14 * number)
            draw.text(at, line.name, fill=colour, font=font, anchor="ra")  # type: ignore[attr-defined]


def _range(values: Curve) -> tuple[float, float]:
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    return (low, high) if high > low else (low - 1.0, high + 1.0)


def _ticks(low: float, high: float) -> list[float]:
    raw = (high - low) / _TICKS
    power = 10.0 ** np.floor(np.log10(raw))
    step = min((f * power for f in (1, 2, 5, 10)), key=lambda s: abs(s - raw))
    return [float(round(v, 6)) for v in np.arange(np.ceil(low / step) * step, high + step / 1e6, step)]
