"""Report of a conversion as one self-contained HTML file."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.distil.convert import Conversion
from chip.distil.curves import against_steps
from chip.distil.plots import draw_confusion, draw_curve, draw_layers
from chip.errors import ChipError
from chip.reporting.html_page import PAGE, STYLE, table
from chip.reporting.pictures import draw

__all__ = ["report_page"]


def report_page(conversion: Conversion, figures: dict[str, Any], samples: NDArray[Any]) -> str:
    """Build the page; adds the curve against steps to the figures."""
    figures["curve_steps"] = against_steps(conversion, samples)
    pictures, missing = _pictures(conversion, figures, samples)
    parts = [
        _tiles(figures),
        *(f'<p class="quiet">No pictures: {escape(text)}</p>' for text in [missing] if text),
        _side_by_side(figures),
        *(_figure(caption, data) for caption, data in pictures.items()),
        _candidates(figures),
        _energy(figures),
        _use(figures),
    ]
    title = f"A network on {conversion.model.arch.title.split(',')[0]}"
    subtitle = f"{figures['task']}; measured on {figures['samples']} {figures['measured_on']}"
    return PAGE.format(title=escape(title), subtitle=escape(subtitle), style=STYLE, body="".join(parts))


def _pictures(
    conversion: Conversion, figures: Mapping[str, Any], samples: NDArray[Any]
) -> tuple[dict[str, bytes], str | None]:
    spikes = conversion.model.io.spikes(np.asarray(samples[:1], np.float64))
    try:
        chip = draw(conversion.compiled, conversion.model.arch, spikes)
        found = {"Agreement with the network against steps of the code.": draw_curve(figures["curve_steps"])}
        if figures["confusion"] is not None:
            found["Confusion: rows are classes, columns what the chip says."] = draw_confusion(
                figures["confusion"]
            )
        found["Spikes and membranes of each layer for one sample."] = draw_layers(conversion, spikes)
        found["Every neuron in its cell, lines from each source to its targets."] = chip["floorplan.png"]
        found["Nets in each channel segment."] = chip["congestion.png"]
    except ChipError as error:
        return {}, f"{error.message}: {error.hint}"
    return found, None


def _tiles(figures: Mapping[str, Any]) -> str:
    right = figures["accuracy_chip"]
    tiles = {
        "agreement with the network": f"{figures['agreement']:.1%}",
        **({} if right is None else {"accuracy on the chip": f"{right:.1%}"}),
        "neurons": figures["neurons"],
        "synapses": figures["synapses"],
        "steps a sample": figures["steps"],
        "operations a sample": f"{figures['sop_per_sample']:,.0f}",
        "at full clock": f"{figures['latency_s'] * 1e6:.2f} µs",
        "routed, verified from the bitstream": "yes",
    }
    cells = (f'<div class="tile"><b>{escape(str(v))}</b>{escape(k)}</div>' for k, v in tiles.items())
    return f'<div class="tiles">{"".join(cells)}</div>'


def _side_by_side(figures: Mapping[str, Any]) -> str:
    names = {
        "dnn": "the network",
        "integers": "integers, without time",
        "chip": "the chip, decoded bitstream",
    }
    rows = [
        (names[name], "" if one["accuracy"] is None else f"{one['accuracy']:.4f}", f"{one['agreement']:.4f}")
        for name, one in figures["side_by_side"].items()
    ]
    meaning = (
        "Accuracy is the share of right classes, agreement the share of the network's own classes."
        if figures["task"] == "classifier"
        else "Both are shares of variance explained: of the labels, and of the network's outputs."
    )
    head = ("", "accuracy", "agreement with the network")
    return f"<h2>Network, integers, chip</h2>{table(head, rows, (1, 2))}<p>{meaning}</p>"


def _figure(caption: str, data: bytes) -> str:
    image = f'<img alt="{escape(caption)}" src="data:image/png;base64,{base64.b64encode(data).decode()}">'
    return f"<figure>{image}<figcaption>{escape(caption)}</figcaption></figure>"


def _candidates(figures: Mapping[str, Any]) -> str:
    def row(name: str, one: Mapping[str, Any], chosen: bool) -> tuple[str, ...]:
        mark = " (chosen)" if chosen else ""
        return name + mark, f"{one['loss']:.4f}", f"{one['agreement']:.4f}", f"{one['sop']:,.0f}"

    head = ("candidate", "held-out loss", "agreement", "operations")
    tried = [
        row(c["candidate"], c, figures["chosen"].startswith(c["candidate"])) for c in figures["candidates"]
    ]
    own = f"{figures['encoder']}, {figures['decoder']}"
    codes = [row(name, one, name == own) for name, one in figures["codes"].items()]
    text = f"<h2>Candidates, by held-out loss</h2>{table(head, tried, (1, 2, 3))}"
    return text + table(("encoder, decoder", *head[1:]), codes, (1, 2, 3))


def _energy(figures: Mapping[str, Any]) -> str:
    rows = [
        (one["policy"], one["calibration"], f"{one['joule']:.3g} J", one["source"])
        for one in figures["cost"]["energies"]
    ]
    notes = "".join(f"<p class='quiet'>{escape(note)}</p>" for note in figures["cost"]["notes"])
    head = ("clock", "all power is", "energy a sample", "arithmetic")
    rests = [
        (name, f"{one['value']:.6g} {one['unit']}", one["provenance"], one["source"])
        for name, one in figures["cost"]["figures"].items()
    ]
    return (
        f"<h2>Energy is a range</h2>{table(head, rows, (2,))}{notes}"
        f"{table(('figure', 'value', 'rests on', 'source'), rests)}"
    )


def _use(figures: Mapping[str, Any]) -> str:
    rows = [
        (name, f"{use['used']:g}", f"{use['available']:g}", f"{use['share']:.1%}")
        for name, use in figures["utilisation"].items()
    ]
    width = f"{figures['min_channel_width']} of {figures['channel_width']} tracks of a channel would do."
    return f"<h2>Use of the chip</h2>{table(('resource', 'used', 'available', 'share'), rows, (1, 2, 3))}<p>{width}</p>"
