"""The picture of a clip: its spectrogram with axes, and its mean spectrum beside the normal one, as a PNG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anomaly.features.mel import Centibels, band_edges_hz
from anomaly.readable import local_time

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

Pixels = npt.NDArray[np.uint8]

# Contrast: levels this far below the loudest are dark.
RANGE_DB = 60
# Corners of the colour map: dark blue, violet, orange, light yellow (after matplotlib's "inferno", CC0).
_COLOURS = ((0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164))
_PAPER, _INK, _GRID, _MARK = (255, 255, 255), (40, 40, 40), (210, 210, 210), (0, 200, 220)
_NORMAL, _CLIP = (120, 120, 120), (200, 60, 40)
_HEIGHT, _SIDE_WIDTH = 256, 170
_LEFT, _TOP, _RIGHT, _BOTTOM, _GAP = 50, 26, 12, 36, 46
_FONT_SIZE = 11
_TICKS_HZ = (125, 250, 500, 1_000, 2_000, 4_000, 8_000)
_LEAST_WIDTH, _LEAST_TICK_PIXELS = 320, 60


@dataclass(frozen=True, eq=False)
class ClipSpectrum:
    """Mean spectra beside the spectrogram, hundredths of a decibel per pooled band, [bands] each.

    Args:
        clip: of the sound from the opening of the case on.
        normal: of the training sound.
    """

    clip: Centibels
    normal: Centibels


def draw_clip(
    levels: Centibels,
    frames_per_s: float,
    *,
    opened_at_s: float,
    mark_s: float,
    title: str,
    spectrum: ClipSpectrum | None = None,
) -> bytes:
    """Draw a clip as a PNG.

    Args:
        levels: [frames, bands], hundredths of a decibel, low bands first.
        frames_per_s: frames of a second.
        opened_at_s: UNIX seconds at which the case opened.
        mark_s: seconds from the beginning of the clip to that moment; a line marks it.
        title: machine and case.
        spectrum: mean spectra beside the spectrogram; None leaves them out.
    """
    from PIL import Image, ImageDraw, ImageFont
    from PIL.PngImagePlugin import PngInfo

    width = max(_LEAST_WIDTH, len(levels))
    side = _GAP + _SIDE_WIDTH if spectrum is not None else 0
    image = Image.new("RGB", (_LEFT + width + side + _RIGHT, _TOP + _HEIGHT + _BOTTOM), _PAPER)
    image.paste(
        Image.fromarray(_coloured(levels)).resize((width, _HEIGHT), Image.Resampling.NEAREST), (_LEFT, _TOP)
    )
    pen = _Pen(ImageDraw.Draw(image), ImageFont.load_default(_FONT_SIZE))
    scale = width / max(1, len(levels)) * frames_per_s
    pen.text((_LEFT, 6), f"{title}, opened {local_time(opened_at_s)}")
    _frequency_axis(pen, _LEFT)
    _time_axis(pen, mark_s, len(levels) / frames_per_s, scale)
    if spectrum is not None:
        _spectra(pen, spectrum, _LEFT + width + _GAP)
    facts = PngInfo()
    facts.add_text("Title", title)
    facts.add_text("Software", "anomaly")
    data = io.BytesIO()
    image.save(data, "PNG", pnginfo=facts)
    return data.getvalue()


@dataclass(frozen=True)
class _Pen:
    """Draws with one font."""

    draw: ImageDraw
    font: Any

    def text(self, at: tuple[float, float], text: str, anchor: str = "la") -> None:
        self.draw.text(at, text, fill=_INK, font=self.font, anchor=anchor)

    def line(
        self, points: Sequence[tuple[float, float]], colour: tuple[int, int, int], width: int = 1
    ) -> None:
        self.draw.line(list(points), fill=colour, width=width)


def _coloured(levels: Centibels) -> Pixels:
    """Return levels as colours, [bands, frames, 3], low bands below."""
    if levels.size == 0:
        return np.full((1, 1, 3), 255, np.uint8)
    share = (levels.astype(np.float64) - levels.max()) / (100.0 * RANGE_DB) + 1.0
    corners = np.array(_COLOURS, dtype=np.float64)
    positions = np.linspace(0.0, 1.0, len(corners))
    channels = [np.interp(share.clip(0, 1), positions, corners[:, channel]) for channel in range(3)]
    colours: Pixels = np.rint(np.stack(channels, axis=2)).astype(np.uint8)
    return colours.transpose(1, 0, 2)[::-1]


def _height_of(frequency_hz: float) -> float:
    """Return the vertical position of a frequency: all mel bands are equally high."""
    edges = band_edges_hz()
    band = float(np.interp(frequency_hz, edges, np.arange(len(edges)))) / (len(edges) - 1)
    return _TOP + _HEIGHT * (1.0 - band)


def _frequency_axis(pen: _Pen, x: float) -> None:
    for tick in _TICKS_HZ:
        y = _height_of(tick)
        pen.line([(x - 4, y), (x, y)], _INK)
        pen.text((x - 7, y), f"{tick / 1000:g}", anchor="rm")
    pen.text((x - 7, _TOP + _HEIGHT + 10), "kHz", anchor="rm")


def _time_axis(pen: _Pen, mark_s: float, length_s: float, pixels_per_s: float) -> None:
    """Draw seconds relative to the opening of the case, and a line at that moment."""
    steps = (1, 2, 5, 10, 20, 60, 120, 300)
    step = next((s for s in steps if s * pixels_per_s >= _LEAST_TICK_PIXELS), steps[-1])
    bottom = _TOP + _HEIGHT
    first = -int(mark_s // step) * step
    for second in range(first, int(length_s - mark_s) + 1, step):
        x = _LEFT + (second + mark_s) * pixels_per_s
        pen.line([(x, bottom), (x, bottom + 4)], _INK)
        pen.text((x, bottom + 6), f"{second:+d}" if second else "0", anchor="ma")
    middle = _LEFT + 0.5 * length_s * pixels_per_s
    pen.text(
        (middle, bottom + 20), f"seconds from the opening of the case; colour: {RANGE_DB} dB", anchor="ma"
    )
    if 0 <= mark_s < length_s:
        x = _LEFT + mark_s * pixels_per_s
        pen.line([(x, _TOP), (x, bottom)], _MARK)


def _spectra(pen: _Pen, spectrum: ClipSpectrum, left: float) -> None:
    """Draw the mean spectra over the same frequency axis, levels in decibels to the right."""
    both = np.concatenate([spectrum.clip, spectrum.normal]) / 100.0
    low, high = float(np.floor(both.min() / 20) * 20), float(np.ceil(both.max() / 20) * 20)
    span, bottom = max(high - low, 20.0), _TOP + _HEIGHT
    for level in np.arange(low, low + span + 1, 20.0):
        x = left + _SIDE_WIDTH * (level - low) / span
        pen.line([(x, _TOP), (x, bottom)], _GRID)
        pen.text((x, bottom + 6), f"{level:.0f}", anchor="ma")
    pen.text((left + _SIDE_WIDTH / 2, bottom + 20), "mean level, dB", anchor="ma")
    for name, colour, levels, at in (
        ("normal", _NORMAL, spectrum.normal, left),
        ("this clip, from the opening on", _CLIP, spectrum.clip, left + 46),
    ):
        rows = [_TOP + _HEIGHT * (1.0 - (band + 0.5) / len(levels)) for band in range(len(levels))]
        columns = [left + _SIDE_WIDTH * (level / 100.0 - low) / span for level in levels]
        pen.line(list(zip(columns, rows, strict=True)), colour, 2)
        pen.draw.text((at, 8), name, fill=colour, font=pen.font)
