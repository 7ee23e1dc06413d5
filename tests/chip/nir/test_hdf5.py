"""Untrusted NIR files: damaged, excessive and foreign content is refused with the node's name."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import h5py
import nir
import numpy as np
import pytest

from chip.arch import load_arch
from chip.errors import ChipError, MissingPackageError, NetworkError
from chip.nir import load, write_nir
from chip.nir.hdf5 import MAX_DEPTH
from chip.nir.mapping.plan import PLANS
from chip.testing import random_network

SENNA = load_arch("senna")
# Conversion alone: its agreement is the subject of tests/chip/nir/test_acceptance.py.
import_nir = partial(load.import_nir, lossy=True, plans=PLANS[:1])
Change = Callable[[Any], None]


def plain_file() -> bytes:
    """A file with Input, Linear, IF, Output: two values in, three neurons."""
    ones = np.ones(3)
    graph = nir.NIRGraph.from_list(
        nir.Input(np.array([2])), nir.Linear(np.ones((3, 2))), nir.IF(r=ones, v_threshold=2 * ones)
    )
    buffer = io.BytesIO()
    nir.write(buffer, graph)
    return buffer.getvalue()


def changed(change: Change) -> bytes:
    """Return the file with its HDF5 content changed."""
    buffer = io.BytesIO(plain_file())
    with h5py.File(buffer, "r+") as file:
        change(file["node"])
    return buffer.getvalue()


def put(path: str, value: Any) -> Change:
    """Return a change that replaces a data set."""

    def change(node: Any) -> None:
        if path in node:
            del node[path]
        node[path] = value

    return change


def drop(path: str) -> Change:
    def change(node: Any) -> None:
        del node[path]

    return change


def edges(*pairs: tuple[str, str]) -> Change:
    return put("edges", [[name.encode() for name in pair] for pair in pairs])


WHOLE = (("input", "linear"), ("linear", "if"), ("if", "output"))
BAD: dict[str, tuple[Change, str, str]] = {
    "weight is nan": (put("nodes/linear/weight", np.full((3, 2), np.nan)), "node 'linear' (Linear).weight", "is nan"),
    "weight is inf": (put("nodes/linear/weight", np.full((3, 2), np.inf)), "node 'linear'", "is inf at [0, 0]"),
    "weight is flat": (put("nodes/linear/weight", np.ones(6)), "node 'linear'", "not two dimensions"),
    "weight is text": (put("nodes/linear/weight", "many"), "node 'linear'", "not a number"),
    "weight does not fit": (put("nodes/linear/weight", np.ones((3, 4))), "node 'linear'", "takes 4 values"),
    "weight is missing": (drop("nodes/linear/weight"), "node 'linear'", "lacks weight"),
    "weight is empty": (put("nodes/linear/weight", np.ones((3, 0))), "node 'linear'", "weight has shape"),
    "weight is complex": (put("nodes/linear/weight", np.ones((3, 2)) * 1j), "nodes/linear/weight", "complex128"),
    "a delay without its time": (put("nodes/if/type", "Delay"), "node 'if' (Delay)", "lacks delay"),
    "negative size": (put("nodes/input/shape", np.array([-2])), "node 'input'", "whole numbers within"),
    "fraction of a size": (put("nodes/input/shape", np.array([2.5])), "node 'input'", "whole numbers within"),
    "gigantic size": (put("nodes/input/shape", np.array([1 << 40])), "node 'input'", "whole numbers within"),
    "gigantic product": (put("nodes/input/shape", np.array([1 << 15] * 4)), "node 'input'", "holds more than"),
    "threshold below 0": (put("nodes/if/v_threshold", -np.ones(3)), "node 'if'", "negative threshold"),
    "reset above": (put("nodes/if/v_reset", np.full(3, 9.0)), "node 'if'", "reset above"),
    "parameters of two shapes": (put("nodes/if/r", np.ones(2)), "node 'if'", "parameters of the shapes"),
    "unknown type": (put("nodes/if/type", "Izhikevich"), "node 'if' (Izhikevich)", "not supported"),
    "no type": (drop("nodes/if/type"), "node 'if'", "has no type"),
    "only membranes": (put("nodes/if/type", "I"), "nir", "holds no neurons"),
    "no input": (drop("nodes/input"), "nir", "names 'input', which is no node"),
    "dangling edge": (edges(*WHOLE, ("if", "ghost")), "nir", "names 'ghost'"),
    "edge twice": (edges(*WHOLE, WHOLE[0]), "nir", "an edge twice"),
    "output leads on": (edges(*WHOLE, ("output", "linear")), "node 'output'", "leads on to 'linear'"),
    "input with a source": (edges(*WHOLE, ("if", "input")), "node 'input'", "has an input from 'if'"),
    "linear loop": (edges(*WHOLE, ("linear", "linear")), "node 'linear'", "takes 2 values, but 'linear' gives 3"),
    "no neuron between": (edges(("input", "output")), "node 'output'", "takes 3 values"),
    "edges are numbers": (put("edges", np.ones((3, 2))), "nir", "not pairs of names"),
    "edges are triples": (put("edges", [[b"input", b"linear", b"if"]]), "nir", "not pairs of names"),
    "no edges": (drop("edges"), "nir", "not a NIRGraph"),
    "type is no text": (put("type", 3), "nir", "not a NIRGraph"),
    "not utf-8": (put("nodes/if/type", b"\xff\xfe"), "node/nodes/if/type", "UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_malformed_graph_is_refused_with_its_place(name: str) -> None:
    change, where, words = BAD[name]
    with pytest.raises(NetworkError) as caught:
        import_nir(changed(change), SENNA)
    assert where in str(caught.value.where)
    assert words in caught.value.message


def test_loop_of_linear_nodes_is_refused() -> None:
    def change(node: Any) -> None:
        node.copy("nodes/linear", "nodes/turn")
        put("nodes/linear/weight", np.ones((2, 2)))(node)
        put("nodes/turn/weight", np.ones((2, 2)))(node)
        put("nodes/if/r", np.ones(2))(node)
        put("nodes/if/v_threshold", np.ones(2))(node)
        put("nodes/if/v_reset", np.ones(2))(node)
        put("nodes/output/shape", np.array([2]))(node)
        edges(*WHOLE, ("linear", "turn"), ("turn", "linear"))(node)

    with pytest.raises(NetworkError, match="on a loop without a neuron") as caught:
        import_nir(changed(change), SENNA)
    assert str(caught.value.where) in ("node 'linear' (Linear)", "node 'turn' (Linear)")


def huge_dataset(node: Any) -> None:
    del node["nodes/linear/weight"]
    node["nodes/linear"].create_dataset("weight", shape=(1 << 30, 1 << 30), dtype="f8", chunks=(64, 64))


def huge_chunk(node: Any) -> None:
    del node["nodes/linear/weight"]
    options: dict[str, Any] = {"chunks": (1 << 14, 1 << 13), "maxshape": (None, None), "compression": "gzip"}
    node["nodes/linear"].create_dataset("weight", shape=(3, 2), dtype="f8", **options)


def deep(node: Any) -> None:
    at = node
    for _ in range(MAX_DEPTH + 1):
        at = at.create_group("more")


def circle(node: Any) -> None:
    node["nodes/again"] = node


def outside(node: Any) -> None:
    del node["nodes/linear/weight"]
    node["nodes/linear/weight"] = h5py.ExternalLink("/etc/passwd", "/weight")


def elsewhere(node: Any) -> None:
    del node["nodes/linear/weight"]
    node["nodes/linear"].create_dataset(
        "weight", shape=(3, 2), dtype="f8", external=[("/etc/hostname", 0, 48)]
    )


def virtual(node: Any) -> None:
    layout = h5py.VirtualLayout(shape=(3, 2), dtype="f8")
    layout[:] = h5py.VirtualSource("/tmp/other.h5", "weight", shape=(3, 2))
    del node["nodes/linear/weight"]
    node["nodes/linear"].create_virtual_dataset("weight", layout)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (huge_dataset, "would make more than"),
        (huge_chunk, "would make more than"),
        (deep, "nested more than"),
        (circle, "nested more than"),
        (outside, "link to somewhere else"),
        (elsewhere, "in another file"),
        (virtual, "in another file"),
    ],
)
def test_excessive_sizes_and_outside_links_are_refused(change: Change, words: str) -> None:
    with pytest.raises(NetworkError, match=words):
        import_nir(changed(change), SENNA)


def test_text_with_a_length_beyond_the_file_is_refused() -> None:
    data = bytearray(plain_file())
    with h5py.File(io.BytesIO(bytes(data)), "r") as file:
        start = file["node/nodes/if/type"].id.get_offset()
    assert int.from_bytes(data[start : start + 4], "little") == 2
    data[start : start + 4] = (0xFFFFFFF0).to_bytes(4, "little")
    with pytest.raises(NetworkError, match="longer than what the file holds"):
        import_nir(bytes(data), SENNA)


@pytest.mark.parametrize("data", [b"", b"no HDF5", b"\x89HDF\r\n\x1a\n", plain_file()[:700]])
def test_file_that_is_not_hdf5_is_refused(data: bytes) -> None:
    with pytest.raises(NetworkError, match="not a whole HDF5 file"):
        import_nir(data, SENNA)


def test_hdf5_file_without_a_graph_is_refused() -> None:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["node"] = 3
    with pytest.raises(NetworkError, match="no group 'node'"):
        import_nir(buffer.getvalue(), SENNA)


def test_too_large_convolutions_are_refused() -> None:
    def graph(**changes: Any) -> Any:
        fields = {"weight": np.ones((64, 1, 3, 3)), "stride": 1, "padding": 1, "dilation": 1, "groups": 1}
        fields |= {"bias": np.zeros(64), "type": "Conv2d"} | changes
        return {
            "type": "NIRGraph",
            "nodes": {
                "i": {"type": "Input", "shape": np.array([1, 1000, 1000])},
                "c": fields,
                "n": {"type": "IF", "r": np.ones(1), "v_threshold": np.ones(1)},
                "o": {"type": "Output", "shape": np.array([4])},
            },
            "edges": [("i", "c"), ("c", "n"), ("n", "o")],
        }

    class Graph:
        def __init__(self, **changes: Any) -> None:
            self.to_dict = lambda: graph(**changes)

    for changes, words in (
        ({}, "unrolls to 576000000 synapses"),
        ({"stride": 0}, "stride is not within"),
        ({"stride": 1.5}, "stride is not 2 whole numbers"),
        ({"groups": 3}, "does not fit 1 channels"),
        ({"padding": "round"}, "padding is neither"),
        ({"dilation": 900}, "larger than its input"),
        ({"bias": np.zeros(3)}, "bias has 3 values"),
        ({"weight": np.ones((64, 1, 3))}, "weight has shape"),
    ):
        with pytest.raises(NetworkError, match=words) as caught:
            import_nir(Graph(**changes), SENNA)
        assert caught.value.where == "node 'c' (Conv2d)"


def test_matrix_to_many_nodes_counts_for_each() -> None:
    one = np.ones(1)
    neurons = {f"n{at}": {"type": "IF", "r": one, "v_threshold": one} for at in range(300)}
    nodes: dict[str, Any] = {
        "i": {"type": "Input", "shape": np.array([400])},
        "w": {"type": "Linear", "weight": np.ones((400, 400))},
        "o": {"type": "Output", "shape": np.array([400])},
    }
    edges = [("i", "w"), ("n0", "o"), *(("w", name) for name in neurons)]

    class Graph:
        def to_dict(self) -> dict[str, Any]:
            return {"type": "NIRGraph", "nodes": nodes | neurons, "edges": edges}

    with pytest.raises(NetworkError, match="holds 48000400 synapses"):
        import_nir(Graph(), SENNA)


def test_flipped_bits_are_refused_or_give_a_valid_network() -> None:
    random, whole = np.random.default_rng(0), write_nir(random_network(SENNA, seed=3))
    read, places = [], []
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(random.integers(1, 6)):
            data[random.integers(len(data))] ^= 1 << int(random.integers(8))
        for plain in (False, True):
            try:
                read.append(import_nir(bytes(data), SENNA, plain=plain).network.n_neurons)
            except ChipError as error:
                places.append(error.where)
    assert len(read) + len(places) == 120
    assert min(read) > 0
    assert len(places) > 10
    assert all(places)


def test_missing_package_is_reported_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    data = plain_file()
    for package in ("nir", "h5py"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, package, None)
            with pytest.raises(MissingPackageError, match=f"needs the package {package}") as caught:
                import_nir(data, SENNA)
            assert caught.value.hint == "pip install 'anomaly[nir]'"
            with pytest.raises(MissingPackageError, match="needs the package"):
                write_nir(random_network(SENNA, seed=1))


@pytest.mark.parametrize("dt_s", [0.0, -1.0, float("nan"), float("inf")])
def test_step_must_be_positive(dt_s: float) -> None:
    with pytest.raises(NetworkError, match="not a time above 0"):
        import_nir(plain_file(), SENNA, dt_s=dt_s)
