"""Server-sent events of the live stream, encoded once for all viewers."""

from __future__ import annotations

import base64
import json
import zlib
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from anomaly.features.mel import pooled_edges_hz

# Columns that a viewer without the right to listen sees as one: a quarter of a second, slower than speech.
COARSE_COLUMNS = 8


def sent_event(name: str, facts: dict[str, Any]) -> bytes:
    """Return one event as it goes over the wire."""
    return f"event: {name}\ndata: {json.dumps(facts, separators=(',', ':'))}\n\n".encode()


def score_event(facts: dict[str, Any]) -> bytes:
    """Return the `score` event of a second."""
    return sent_event("score", {key: value for key, value in facts.items() if key not in ("type", "spikes")})


def mel_event(facts: dict[str, Any], *, whole: bool) -> bytes:
    """Return the `mel` event of some columns.

    Args:
        facts: message of the ring.
        whole: show each column; else the mean of all that came at once in place of each, so that no speech can be
            rebuilt from the picture.
    """
    bands = int(facts["bands"])
    shown = {key: value for key, value in facts.items() if key not in ("type", "levels", "residual")}
    shown["bands_hz"] = _bands_hz(bands)
    for name in ("levels", "residual"):
        text = facts[name]
        shown[name] = text if text is None or whole else _coarse(text, bands)
    return sent_event("mel", shown)


def spikes_event(facts: dict[str, Any]) -> bytes | None:
    """Return the `mel` event with the raster of a second, columns of one byte per read-out; None without one."""
    raster = facts.get("spikes")
    if raster is None:
        return None
    counts = np.frombuffer(zlib.decompress(base64.b64decode(raster["counts_zlib"])), dtype=np.uint8)
    shown = {key: facts[key] for key in ("machine", "time", "time_s")}
    shown |= {"columns": raster["frames"], "outputs": raster["outputs"], "levels": None, "residual": None}
    return sent_event("mel", shown | {"spikes": base64.b64encode(counts.clip(0, 127).tobytes()).decode()})


def _coarse(text: str, bands: int) -> str:
    columns: npt.NDArray[np.int8] = np.frombuffer(base64.b64decode(text), dtype=np.int8).reshape(-1, bands)
    shown = np.empty_like(columns)
    for start in range(0, len(columns), COARSE_COLUMNS):
        part = columns[start : start + COARSE_COLUMNS]
        shown[start : start + COARSE_COLUMNS] = np.rint(part.mean(axis=0)).astype(np.int8)
    return base64.b64encode(shown.tobytes()).decode()


@cache
def _bands_hz(bands: int) -> list[float]:
    edges = pooled_edges_hz(bands)
    return [round(float(edge), 1) for edge in edges]
