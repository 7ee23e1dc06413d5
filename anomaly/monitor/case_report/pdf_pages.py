"""The report as PDF: pages of A4 drawn with Pillow."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from anomaly.monitor.case_report.content import ReportContent

if TYPE_CHECKING:
    from PIL.Image import Image

_WIDTH, _HEIGHT, _DPI = 1240, 1754, 150
_MARGIN, _NAME_WIDTH, _LINE = 90, 150, 30
_TITLE_SIZE, _SIZE = 34, 22
_INK, _GREY, _PAPER = (34, 34, 34), (119, 119, 119), (255, 255, 255)


def pdf_pages(content: ReportContent) -> bytes:
    """Lay out a report on as many pages as it needs."""
    pages = _Pages()
    pages.text(content.title, size=_TITLE_SIZE)
    pages.space()
    for name, text in content.rows:
        pages.row(name, text)
    pages.space()
    pages.text("What to check")
    for check in content.checks:
        pages.row("-", check, name_width=30)
    for caption, data in content.pictures:
        pages.picture(data, caption)
    return pages.pdf()


class _Pages:
    """Pages that are filled from above."""

    def __init__(self) -> None:
        self._pages: list[Image] = []
        self._new_page()

    def _new_page(self) -> None:
        from PIL import Image, ImageDraw

        self._pages.append(Image.new("RGB", (_WIDTH, _HEIGHT), _PAPER))
        self._draw = ImageDraw.Draw(self._pages[-1])
        self._y = _MARGIN

    def _need(self, height: int) -> None:
        if self._y + height > _HEIGHT - _MARGIN:
            self._new_page()

    def space(self) -> None:
        self._y += _LINE // 2

    def text(self, text: str, *, size: int = _SIZE) -> None:
        self._need(size + _LINE)
        self._draw.text((_MARGIN, self._y), text, fill=_INK, font=_font(size))
        self._y += size + 12

    def row(self, name: str, text: str, *, name_width: int = _NAME_WIDTH) -> None:
        font = _font(_SIZE)
        for number, line in enumerate(_wrapped(text, font, _WIDTH - 2 * _MARGIN - name_width)):
            self._need(_LINE)
            if number == 0:
                self._draw.text((_MARGIN, self._y), name, fill=_GREY, font=font)
            self._draw.text((_MARGIN + name_width, self._y), line, fill=_INK, font=font)
            self._y += _LINE

    def picture(self, data: bytes, caption: str) -> None:
        from PIL import Image

        with Image.open(io.BytesIO(data)) as opened:
            image = opened.convert("RGB")
        scale = min((_WIDTH - 2 * _MARGIN) / image.width, (_HEIGHT - 2 * _MARGIN - 2 * _LINE) / image.height)
        size = (int(image.width * scale), int(image.height * scale))
        self._need(size[1] + 2 * _LINE)
        self.space()
        self._pages[-1].paste(image.resize(size), (_MARGIN, self._y))
        self._y += size[1] + 6
        self._draw.text((_MARGIN, self._y), caption, fill=_GREY, font=_font(_SIZE))
        self._y += _LINE

    def pdf(self) -> bytes:
        data = io.BytesIO()
        first, *others = self._pages
        first.save(data, "PDF", save_all=True, append_images=others, resolution=_DPI)
        return data.getvalue()


def _font(size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _wrapped(text: str, font: Any, width: int) -> list[str]:
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and font.getlength(longer) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line]
