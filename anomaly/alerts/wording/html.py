"""A message in words as HTML that mail programs show: inline styles, no scripts, nothing loaded from outside."""

from __future__ import annotations

from html import escape

from anomaly.alerts.wording.case_text import CaseText

_PAGE = """\
<!DOCTYPE html>
<html lang="{language}">
<head><meta charset="utf-8"><title>{title}</title></head>
<body style="font-family: sans-serif; color: #222; max-width: 44em">
<p style="font-size: 1.2em"><b>{headline}</b></p>
<table style="border-collapse: collapse">
{rows}</table>
{picture}<p style="color: #777; font-size: 0.8em">{reason}</p>
</body>
</html>
"""
_ROW = """\
<tr><td style="padding: 0.2em 1em 0.2em 0; color: #777; vertical-align: top">{name}</td>\
<td style="padding: 0.2em 0">{text}</td></tr>
"""
_PICTURE = '<p><img src="{source}" alt="{alt}" style="max-width: 100%"></p>\n'


def as_html(text: CaseText, picture: str | None = None) -> str:
    """Lay out a message as a page of HTML.

    Args:
        text: the message in words; all of it is escaped.
        picture: address of the picture, such as ``cid:…``; none by default.
    """
    rows = "".join(_ROW.format(name=escape(name), text=escape(row)) for name, row in text.rows)
    shown = "" if picture is None else _PICTURE.format(source=escape(picture), alt=escape(text.picture))
    return _PAGE.format(
        language=text.language,
        title=escape(text.thread),
        headline=escape(text.headline),
        rows=rows,
        picture=shown,
        reason=escape(text.reason),
    )
