"""The report as one HTML page: pictures inside, no scripts, nothing loaded from outside."""

from __future__ import annotations

from base64 import b64encode
from html import escape

from anomaly.monitor.case_report.content import ReportContent

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font-family: sans-serif; color: #222; max-width: 52em; margin: 2em auto; }}
th {{ text-align: left; vertical-align: top; color: #777; font-weight: normal; padding: 0.2em 1em 0.2em 0; }}
td {{ padding: 0.2em 0; }} img {{ max-width: 100%; }} figcaption {{ color: #777; font-size: 0.9em; }}
</style></head>
<body>
<h1>{title}</h1>
<table>
{rows}</table>
<h2>What to check</h2>
<ul>
{checks}</ul>
{pictures}</body>
</html>
"""


def html_page(content: ReportContent) -> str:
    """Lay out a report; all texts are escaped."""
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>\n" for name, text in content.rows
    )
    checks = "".join(f"<li>{escape(check)}</li>\n" for check in content.checks)
    pictures = "".join(
        f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{b64encode(data).decode()}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>\n"
        for caption, data in content.pictures
    )
    return _PAGE.format(title=escape(content.title), rows=rows, checks=checks, pictures=pictures)
