"""`io.json`: written, read, and refused where it contradicts itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chip.dnn.io_file import IoDescription, read_io
from chip.errors import BitstreamError


@pytest.fixture
def content() -> dict[str, Any]:
    return {
        "format": "anomaly-chip-io",
        "version": 1,
        "arch": "senna",
        "bitstream_sha256": "0" * 64,
        "total_steps": 10,
        "reset": "before each sample",
        "input": {
            "shape": [3],
            "groups": [[0, 2], [1]],
            "offset": [0.0, 1.0],
            "scale": [1.0, 2.0],
            "encoder": "rate",
            "steps": 8,
        },
        "output": {
            "decoder": "counts",
            "members": [[0, 2], [1, 3]],
            "gain": [0.5, 1.0],
            "offset": [0.0, -1.0],
            "readout": "none",
            "task": "classifier",
        },
    }


def test_values_become_spikes_and_back(tmp_path: Path, content: dict[str, Any]) -> None:
    path = tmp_path / "io.json"
    path.write_text(json.dumps(content))
    io = read_io(path)
    assert IoDescription.model_validate_json(io.to_json()) == io
    assert io.levels(np.array([[0.25, 3.0, 0.75]])).tolist() == [[4, 8]]
    spikes = io.spikes(np.array([[0.25, 3.0, 0.75]]))
    assert spikes.shape == (10, 1, 2)
    outputs = np.ones((10, 1, 4), np.int8)
    assert io.values(outputs).tolist() == [[10.0, 19.0]]


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("version", 2, "has version 2"),
        ("total_steps", 8, "more than input.steps"),
        ("arch", 5, "arch"),
        ("extra", 1, "extra"),
        ("input.groups", [[0], [3]], "beyond the 3"),
        ("input.scale", [1.0, 0.0], "input.scale.1"),
        ("input.offset", [0.0], "different lengths"),
        ("output.gain", [0.5, None], "output.gain.1"),
        ("output.decoder", "guess", "output.decoder"),
        ("output.members", [[]], "output.members.0"),
    ],
)
def test_contradictions_are_named(
    tmp_path: Path, content: dict[str, Any], key: str, value: Any, words: str
) -> None:
    *parents, last = key.split(".")
    place = content
    for parent in parents:
        place = place[parent]
    place[last] = value
    path = tmp_path / "io.json"
    path.write_text(json.dumps(content))
    with pytest.raises(BitstreamError, match=words):
        read_io(path)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 5000, '{"version": 1}'])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "io.json"
    path.write_text(text)
    with pytest.raises(BitstreamError, match=r"io\.json"):
        read_io(path)
