"""Report of a compiled network as one self-contained HTML file, and as text."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.arch import ArchSpec
from chip.compiler import Compiled
from chip.errors import ChipError
from chip.reporting.pictures import PICTURES, draw
from chip.reporting.report import as_text, full_report

__all__ = ["PAGE", "STYLE", "page", "report_files", "table"]

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#2f3437;max-width:72rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin-bottom:.2rem}h2{font-size:1.15rem;margin-top:2.2rem;border-bottom:1px solid #e3e6e8}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.25rem .8rem .25rem 0;vertical-align:top}
th{font-weight:600;border-bottom:1px solid #9aa1a6}td{border-bottom:1px solid #eef0f1;overflow-wrap:anywhere}
td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
figure{margin:1.2rem 0}img{max-width:100%;height:auto}figcaption,.quiet{color:#6b7378;font-size:.9rem}
.tiles{display:flex;flex-wrap:wrap;gap:.8rem;margin:1rem 0}
.tile{background:#f3f4f5;border-radius:6px;padding:.5rem .9rem}
.tile b{display:block;font-size:1.25rem}.published{color:#1b7f4d}.derived{color:#1f6fb4}.assumed{color:#b3541e}
"""
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>{style}</style></head>
<body><h1>{title}</h1><p class="quiet">{subtitle}</p>{body}</body></html>
"""


def report_files(
    compiled: Compiled,
    arch: ArchSpec,
    spikes: NDArray[np.integer[Any]] | None = None,
    *,
    step_hz: float = 125.0,
) -> tuple[dict[str, bytes | str], str | None]:
    """Build all report files by name; the second value says why there are no pictures, if so.

    Args:
        compiled: compiled network.
        arch: the chip it was compiled for.
        spikes: input of the run that is measured and drawn; by default sparse random spikes.
        step_hz: steps a second, for the energy.
    """
    usage = compiled.implementation.routing.usage
    origin = {"import": compiled.report["import"]} if "import" in compiled.report else {}
    content = full_report(compiled.network, arch, spikes, step_hz=step_hz, compared=True, usage=usage)
    content |= origin
    pictures: dict[str, bytes] = {}
    missing = None
    try:
        pictures = draw(compiled, arch, spikes)
    except ChipError as error:
        missing = f"{error.message}: {error.hint}"
    files: dict[str, bytes | str] = dict(pictures)
    files["report.txt"] = _wiring_text(compiled) + "\n" + as_text(content)
    files["report.html"] = page(compiled, content, pictures, missing)
    return files, missing


def page(
    compiled: Compiled, content: Mapping[str, Any], pictures: Mapping[str, bytes], missing: str | None = None
) -> str:
    """Build the HTML report with the pictures embedded; labels and names are escaped.

    Args:
        compiled: compiled network.
        content: result of ``full_report``.
        pictures: PNG files by their names in ``PICTURES``.
        missing: reason why there are no pictures.
    """
    parts = [
        _tiles(compiled.report),
        *(f'<p class="quiet">No pictures: {escape(text)}</p>' for text in [missing] if text),
        *(_picture(name, data) for name, data in pictures.items()),
        _use(compiled.report, content),
        _import(content),
        _findings(content["findings"]),
        _neurobench(content),
        *(_comparison(content["comparison"], content["input"]) for _ in [0] if "comparison" in content),
        _parameters(content["parameters"]),
    ]
    subtitle = f"network {content['network_fingerprint'][:16]} on {content['arch']}"
    return PAGE.format(
        title=escape(str(content["title"])), subtitle=escape(subtitle), style=STYLE, body="".join(parts)
    )


def _tiles(report: Mapping[str, Any]) -> str:
    verified = "equal" if report["verified"] else "different"
    tiles = {
        "neurons": report["neurons"],
        "synapses": report["synapses"],
        "tracks of a channel that would do": f"{report['min_channel_width']} of {report['channel_width']}",
        "wirelength in cells": report["wirelength"],
        "bytes of bitstream": report["bitstream_bytes"],
        "decoded and compared": verified,
        "seconds to compile": f"{report['seconds']:.1f}",
    }
    cells = (
        f'<div class="tile"><b>{escape(str(value))}</b>{escape(name)}</div>' for name, value in tiles.items()
    )
    return f'<div class="tiles">{"".join(cells)}</div>'


def _picture(name: str, data: bytes) -> str:
    encoded, caption = base64.b64encode(data).decode(), escape(PICTURES[name])
    image = f'<img alt="{caption}" src="data:image/png;base64,{encoded}">'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"


def _use(report: Mapping[str, Any], content: Mapping[str, Any]) -> str:
    uses = report["utilisation"]
    rows = [(name, use["used"], use["available"], f"{use['share']:.1%}") for name, use in uses.items()]
    tracks = uses["tracks"]
    rows += [
        (
            "tracks of the fullest channel",
            tracks["max"],
            tracks["per_channel"],
            f"{tracks['max'] / tracks['per_channel']:.1%}",
        ),
        (
            "tracks of a channel on average",
            f"{tracks['mean']:.1f}",
            tracks["per_channel"],
            f"{tracks['mean'] / tracks['per_channel']:.1%}",
        ),
    ]
    text = table(("resource", "used", "available", "share"), rows, numbers=(1, 2, 3))
    if content["latency_s"] is not None:
        near, far = content["latency_s"].values()
        text += f"<p>{near * 1e9:.0f} to {far * 1e9:.0f} ns from input to output at full clock.</p>"
    if content.get("stepped_latency_s") is not None:
        near, far = content["stepped_latency_s"].values()
        text += (
            f"<p>{near:.4g} to {far:.4g} s at the pace of the network, {content['step_s']:g} s a step.</p>"
        )
    return f"<h2>Use of the chip</h2>{text}"


def _import(content: Mapping[str, Any]) -> str:
    if "import" not in content:
        return ""
    found, verdict = content["import"], content["import"]["verdict"]
    rows = [("kept exactly", one) for one in verdict["kept"]]
    rows += [("approximated", one) for one in verdict["approximated"]]
    rows += [("refused, accepted by --lossy", verdict["refused"] or "nothing")]
    rows += [
        (f"{one['node']}: {one['about']}", one["words"]) for one in found["declarations"] if not one["exact"]
    ]
    measured = f", measured on {found['measured_on']}" if found["measured_on"] else ""
    text = f"<p>A step is {found['dt_s']:g} s{escape(measured)}.</p>"
    return "<h2>Import from NIR</h2>" + text + table(("verdict", "what"), rows)


def _findings(findings: Sequence[Mapping[str, str]]) -> str:
    names = ("severity", "rule", "place", "actual", "limit", "remedy")
    rows = [tuple(finding[name] for name in names) for finding in findings]
    return "<h2>Design rules</h2>" + (table(names, rows) if rows else "<p>No findings.</p>")


def _neurobench(content: Mapping[str, Any]) -> str:
    metrics = content["neurobench"]
    rows = [(name, f"{metrics[name]:.6g}", text) for name, text in metrics["definitions"].items()]
    source = f'<p class="quiet">{escape(metrics["source"])}; on {escape(content["input"])}.</p>'
    return "<h2>NeuroBench</h2>" + table(("metric", "value", "meaning"), rows, numbers=(1,)) + source


def _comparison(chips: Sequence[Mapping[str, Any]], stimulus: str) -> str:
    rows = []
    for chip in chips:
        energy = chip["energy_j"]
        shown = (
            "none published"
            if energy is None
            else " to ".join(f"{joule:.3g} J" for joule in dict.fromkeys(energy))
        )
        why = "; ".join(f"{one['rule']} {one['actual']}, limit {one['limit']}" for one in chip["reasons"])
        rows.append((chip["name"], "yes" if chip["fits"] else "no", why, shown, chip["energy_covers"]))
    names = ("chip", "fits", "because", "energy", "which covers")
    return f"<h2>Side by side, on {escape(stimulus)}</h2>" + table(names, rows)


def _parameters(parameters: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        (key, f"{figure['value']} {figure['unit']}", figure["provenance"], figure["source"])
        for key, figure in parameters.items()
    ]
    return "<h2>What the chip model rests on</h2>" + table(("parameter", "value", "rests on", "source"), rows)


def table(names: Sequence[str], rows: Sequence[Sequence[Any]], numbers: Sequence[int] = ()) -> str:
    """Build a table; columns of ``numbers`` are aligned to the right, and all text is escaped."""
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(_cell(value, at in numbers) for at, value in enumerate(row)) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: Any, number: bool) -> str:
    text = str(value)
    known = text if text in ("published", "derived", "assumed") else ""
    kind = "n" if number else known
    return f'<td class="{kind}">{escape(text)}</td>' if kind else f"<td>{escape(text)}</td>"


def _wiring_text(compiled: Compiled) -> str:
    report = compiled.report
    lines = {
        "bitstream": f"{report['bitstream_bytes']} bytes, decoded and compared: equal",
        "channels": f"{report['min_channel_width']} of {report['channel_width']} tracks would do",
        "wirelength": f"{report['wirelength']} cells, {report['activity_wirelength']:.1f} by activity",
        "compiled in": f"{report['seconds']:.1f} s",
    }
    return "".join(f"{name:<12}{text}\n" for name, text in lines.items())
