"""Integers of a network in the metadata of its NIR graph."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from chip.errors import NetworkError
from chip.network import Network
from chip.storage import INTEGERS, NAMES

__all__ = ["KEY", "pack", "stated_step", "unpack"]

KEY = "spiking_network"
VERSION = 1


def pack(network: Network, dt_s: float) -> dict[str, Any]:
    """Build the metadata of a graph: all columns of the network, and the duration of a step."""
    columns: dict[str, Any] = {name: np.asarray(array, "<i4") for name, array in network.arrays().items()}
    columns |= {name: json.dumps(list(getattr(network, name))) for name in NAMES}
    sizes = {"version": VERSION, "n_inputs": network.n_inputs, "dt_s": dt_s}
    return {KEY: sizes | columns}


def unpack(metadata: Mapping[str, Any]) -> tuple[Network, float] | None:
    """Read the network in the metadata of a graph, and its step in seconds; None if there is none.

    Raises:
        NetworkError: they hold one that is malformed or of another version.
    """
    columns = metadata.get(KEY)
    if columns is None:
        return None
    where = f"metadata/{KEY}"
    expected = {"version", "n_inputs", "dt_s", *INTEGERS, *NAMES}
    if not isinstance(columns, Mapping) or set(columns) != expected:
        raise NetworkError("lacks a column of the network, or has one too many", where=where, hint=_HINT)
    if _number(columns, "version", where) != VERSION:
        raise NetworkError(f"is of another version than {VERSION}", where=where, hint=_HINT)
    try:
        labels, input_labels = (tuple(str(label) for label in json.loads(columns[name])) for name in NAMES)
    except (TypeError, ValueError, RecursionError) as error:
        raise NetworkError("holds no list of names", where=where, hint=_HINT) from error
    arrays = {name: columns[name] for name in INTEGERS}
    n_inputs = int(_number(columns, "n_inputs", where))
    network = Network(n_inputs=n_inputs, **arrays, labels=labels, input_labels=input_labels)
    return network, _number(columns, "dt_s", where)


def stated_step(metadata: Mapping[str, Any]) -> float | None:
    """Return the step in seconds that the metadata of an export state, whatever else they hold; None otherwise."""
    columns = metadata.get(KEY)
    try:
        dt_s = _number(columns, "dt_s", KEY) if isinstance(columns, Mapping) else 0.0
    except (KeyError, NetworkError):
        return None
    return dt_s if dt_s > 0 else None


_HINT = "read it without metadata (--plain), or export it again"


def _number(columns: Mapping[str, Any], name: str, where: str) -> float:
    value = np.asarray(columns[name])
    if value.size != 1 or value.dtype.kind not in "iuf" or not np.isfinite(value).all():
        raise NetworkError(f"{name} is not a number", where=where, hint=_HINT)
    return float(value.reshape(()))
