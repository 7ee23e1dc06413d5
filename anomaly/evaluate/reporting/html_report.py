"""Self-contained HTML reports: one file with text, tables and embedded pictures."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from anomaly import atomic
from anomaly.errors import ConfigError

PAGE = "index.html"
PICTURES = "pictures"
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class ReportSection:
    """One section of a report; parts that are ``None`` or empty are left out.

    Attributes:
        title: its heading.
        text: plain text; an empty line starts a new paragraph.
        picture: the bytes of a PNG.
        rows: a table, the first row being its head. ``None`` in a cell is shown as a dash, a
            ``float`` with three decimals.
    """

    title: str
    text: str = ""
    picture: bytes | None = None
    rows: Sequence[Sequence[object]] | None = None


def write_report(
    folder: Path,
    title: str,
    sections: Sequence[ReportSection],
    *,
    summary: str = "",
    figures: Mapping[str, object] | None = None,
) -> Path:
    """Write ``index.html``, which holds its pictures, and the pictures once more as files.

    The page appears whole or not at all, and nothing else in the folder is touched.

    Args:
        folder: made if it is not there.
        title: of the page.
        sections: in the order to show.
        summary: one paragraph under the title.
        figures: a few figures to show large, name → value.

    Returns:
        The path of the page.

    Raises:
        ConfigError: the folder cannot be written, or the packages for reports are missing.
    """
    text = page(title, sections, summary, figures or {})
    for number, section in enumerate(sections, start=1):
        if section.picture is not None:
            atomic.write_bytes(folder / PICTURES / f"{number:02}-{_slug(section.title)}.png", section.picture)
    path = folder / PAGE
    atomic.write_bytes(path, text.encode())
    return path


def page(title: str, sections: Sequence[ReportSection], summary: str, figures: Mapping[str, object]) -> str:
    """Return the page as text, for other destinations; arguments as for ``write_report``.

    Raises:
        ConfigError: the packages for reports are missing.
    """
    try:
        import jinja2
    except ModuleNotFoundError as error:
        raise ConfigError(
            "reports need the package jinja2", hint="install it with `pip install 'anomaly[train]'`"
        ) from error
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("anomaly.evaluate"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        cell=_cell,
        paragraphs=_paragraphs,
        picture=_data_url,
        slug=_slug,
        number=_is_number,
        css_width=_css_width,
    )
    template = environment.get_template("report.html")
    return template.render(title=title, sections=sections, summary=summary, figures=figures)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 1000 else f"{value:,.0f}"
    return str(value)


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _paragraphs(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]


def _data_url(picture: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(picture).decode()


def _css_width(picture: bytes) -> int:
    """Width on the page in CSS pixels: pictures are drawn at 130 dots an inch and shown at 96."""
    width = int.from_bytes(picture[16:20]) if picture.startswith(_PNG) else 0
    return round(width * 96 / 130)


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "section"
