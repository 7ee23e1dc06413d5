"""A network is validated, canonical, immutable, and comes back from storage unchanged."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chip.builder import NetworkBuilder
from chip.errors import NetworkError
from chip.network import Network


def fields(**changes: Any) -> dict[str, Any]:
    """A sound network of three neurons as arguments, with some of them replaced."""
    return {
        "n_inputs": 2,
        "theta_p": [1, 2, 3],
        "theta_n": [1, 2, 3],
        "negative": [True, False, True],
        "w_fb": [1, 0, 3],
        "decay": [0, 4, 0],
        "source": [1, 0, 2, 4],
        "target": [1, 0, 1, 2],
        "weight": [-3, 5, 7, -1],
        "outputs": [2, 0],
    } | changes


def network(**changes: Any) -> Network:
    return Network(**fields(**changes))


@st.composite
def networks(draw: st.DrawFn) -> Network:
    n_inputs, neurons = draw(st.integers(0, 5)), draw(st.integers(0, 8))
    column = st.lists(st.integers(0, 255), min_size=neurons, max_size=neurons)
    pairs = st.tuples(st.integers(0, n_inputs + neurons - 1), st.integers(0, neurons - 1))
    synapses = draw(st.lists(pairs, unique=True, max_size=20)) if neurons else []
    weight = st.integers(1, 31).flatmap(lambda size: st.sampled_from([size, -size]))
    return network(
        n_inputs=n_inputs,
        theta_p=draw(column),
        theta_n=draw(column),
        negative=[value > 127 for value in draw(column)],
        w_fb=draw(column),
        decay=[value % 16 for value in draw(column)],
        source=[source for source, _ in synapses],
        target=[target for _, target in synapses],
        weight=[draw(weight) for _ in synapses],
        outputs=draw(st.lists(st.integers(0, neurons - 1), unique=True)) if neurons else [],
    )


@settings(deadline=None)
@given(networks())
def test_storage_gives_the_same_network_back(original: Network) -> None:
    for copy in (Network.from_npz(original.to_npz()), Network.from_json(original.to_json())):
        assert copy.same_as(original)
        assert copy.fingerprint() == original.fingerprint()
        assert copy.to_npz() == original.to_npz()


@given(networks(), st.randoms(use_true_random=False))
def test_the_order_of_synapses_does_not_count(original: Network, random: Any) -> None:
    order = list(range(original.n_synapses))
    random.shuffle(order)
    arrays = original.arrays()
    for name in ("source", "target", "weight"):
        arrays[name] = arrays[name][order]
    assert Network(n_inputs=original.n_inputs, **arrays).same_as(original)


def test_knows_its_size_and_fans() -> None:
    net = network()
    assert (net.n_neurons, net.n_synapses, net.n_outputs) == (3, 4, 2)
    assert net.fan_in().tolist() == [1, 2, 1]
    assert net.fan_out().tolist() == [1, 1, 1, 0, 1]


def test_cannot_be_changed() -> None:
    net = network()
    with pytest.raises(ValueError, match="read-only"):
        net.weight[0] = 3
    with pytest.raises(AttributeError):
        net.n_inputs = 3  # type: ignore[misc]
    given_array = np.array([1, 2, 3])
    assert network(theta_p=given_array).theta_p is not given_array
    assert given_array.flags.writeable


def test_labels_are_kept_but_are_no_part_of_the_identity() -> None:
    named = network(labels=("a", "b", "c"), input_labels=("x", "y"))
    assert named.same_as(network())
    assert named.fingerprint() == network().fingerprint()
    assert Network.from_npz(named.to_npz()).labels == ("a", "b", "c")
    assert Network.from_json(named.to_json()).input_labels == ("x", "y")
    assert named.canonical().labels == ()
    assert named.source_name(0) == "input 0 (x)"
    assert named.source_name(3) == "neuron 1 (b)"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_inputs": 3}, "n_inputs is 2 against 3"),
        ({"theta_n": [1, 2, 4]}, "neuron 2: theta_n is 3 against 4"),
        ({"negative": [True, True, True]}, "neuron 1: negative is 0 against 1"),
        ({"outputs": [0, 2]}, "outputs are [2, 0] against [0, 2]"),
        (
            {"weight": [-3, 5, 8, -1]},
            "synapse 2: neuron 0 to neuron 1, weight 7 against neuron 0 to neuron 1",
        ),
        (
            {"source": [1, 0, 2], "target": [1, 0, 1], "weight": [-3, 5, 7]},
            "synapse 3: neuron 2 to neuron 2, weight -1 against none",
        ),
    ],
)
def test_names_the_first_difference(changes: dict[str, Any], words: str) -> None:
    difference = network().difference(network(**changes))
    assert difference is not None
    assert words in difference
    assert network(**changes).difference(network()) is not None
    assert network().fingerprint() != network(**changes).fingerprint()


@pytest.mark.parametrize(
    ("changes", "where", "words"),
    [
        ({"n_inputs": -1}, "n_inputs", "not within 0"),
        ({"n_inputs": 10**12}, "n_inputs", "not within 0"),
        ({"n_inputs": 2.0}, "n_inputs", "not an integer"),
        ({"theta_p": [1, -2, 3]}, "theta_p[1]", "is -2"),
        ({"theta_p": [1, 2]}, "theta_n", "3 items instead of 2"),
        ({"theta_p": [1, 2, 10**15]}, "theta_p[2]", "not within"),
        ({"theta_p": [1, 2, 10**40]}, "theta_p", "instead of integers"),
        ({"theta_p": [1.5, 2, 3]}, "theta_p", "float64 instead of integers"),
        ({"theta_p": [[1], [2], [3]]}, "theta_p", "2 dimensions"),
        ({"theta_p": [[1], 2, 3]}, "theta_p", "list of integers"),
        ({"negative": [0, 2, 0]}, "negative[1]", "is 2, not within 0..1"),
        ({"w_fb": [1, 0, -3]}, "w_fb[2]", "is -3"),
        ({"decay": [0, 31, 0]}, "decay[1]", "is 31"),
        ({"source": [1, 0, 2, 5]}, "source[3]", "is 5, not within 0..4"),
        ({"target": [1, 0, 1, 3]}, "target[3]", "is 3, not within 0..2"),
        ({"weight": [-3, 0, 7, -1]}, "weight[1]", "is zero"),
        ({"weight": [-3, 5, 7]}, "source", "4 items instead of 3"),
        ({"source": [1, 0, 1, 4]}, "source[2], target[2]", "second synapse from input 1 to neuron 1"),
        ({"outputs": [2, 2]}, "outputs[1]", "neuron 2 is an output twice"),
        ({"outputs": [3]}, "outputs[0]", "is 3, not within 0..2"),
        ({"labels": ("a",)}, "labels", "1 items instead of 3 or none"),
    ],
)
def test_refuses_what_is_no_network(changes: dict[str, Any], where: str, words: str) -> None:
    with pytest.raises(NetworkError) as caught:
        network(**changes)
    assert caught.value.where == where
    assert words in caught.value.message


def test_refuses_gigantic_sizes() -> None:
    many = np.zeros((1 << 20) + 1, np.int8)
    with pytest.raises(NetworkError, match="more than the"):
        network(**dict.fromkeys(("theta_p", "theta_n", "negative", "w_fb", "decay"), many))


def _rewritten(data: bytes, changes: dict[str, bytes | None]) -> bytes:
    """The archive with members replaced, added, or (None) left out."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members: dict[str, bytes | None] = {name: archive.read(name) for name in archive.namelist()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in (members | changes).items():
            if body is not None:
                archive.writestr(name, body)
    return buffer.getvalue()


def _array(values: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(values))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"weight.npy": None}, "lacks weight"),
        ({"extra.npy": _array([1])}, "unknown parts: extra"),
        ({"version.npy": _array([9])}, "is 9; this program reads 1"),
        ({"n_inputs.npy": _array([1, 2])}, "single number"),
        ({"weight.npy": b"no array"}, "not an array"),
        ({"weight.npy": _array(np.array(["a"], dtype=object))}, "not one row of integers"),
        ({"weight.npy": _array([1.0, 2.0])}, "not one row of integers"),
        ({"labels.npy": _array(np.frombuffer(b"[1]", np.uint8))}, "not a list of names"),
        # A header that promises 8 TB must not be believed.
        ({"weight.npy": _array([1] * 1111).replace(b"(1111,)", b"(1" + b"0" * 12 + b",)")[:200]}, "length"),
    ],
)
def test_refuses_a_damaged_npz(changes: dict[str, bytes | None], words: str) -> None:
    with pytest.raises(NetworkError, match=words):
        Network.from_npz(_rewritten(network().to_npz(), changes))


def test_refuses_every_cut_and_flip_of_an_npz_or_reads_a_network() -> None:
    data = network().to_npz()
    for end in range(0, len(data), 7):
        with pytest.raises(NetworkError):
            Network.from_npz(data[:end])
    for at in range(0, len(data), 3):
        flipped = bytearray(data)
        flipped[at] ^= 1 << at % 8
        try:
            Network.from_npz(bytes(flipped))
        except NetworkError:
            continue


def test_refuses_an_npz_that_unpacks_to_gigabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chip.storage.MAX_BYTES", 1000)
    with pytest.raises(NetworkError, match="unpack to more"):
        Network.from_npz(network().to_npz())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": 2}, "this program reads 1"),
        ({"version": True}, "this program reads 1"),
        ({"format": "nir"}, "'nir' instead of"),
        ({"theta_p": [1, 2, "3"]}, "not an integer"),
        ({"theta_p": [1, 2, None]}, "not an integer"),
        ({"theta_p": {"a": 1}}, "not a list"),
        ({"n_inputs": "2"}, "not an integer"),
        ({"labels": [1, 2, 3]}, "not a list of names"),
        ({"colour": 1}, "unknown parts: colour"),
    ],
)
def test_refuses_a_malformed_json(changes: dict[str, Any], words: str) -> None:
    rows = json.loads(network().to_json()) | changes
    with pytest.raises(NetworkError, match=words):
        Network.from_json(json.dumps(rows))


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, b"\xff\xfe\x00"])
def test_refuses_what_is_no_json(text: str | bytes) -> None:
    with pytest.raises(NetworkError):
        Network.from_json(text)


def test_the_builder_numbers_neurons_after_the_inputs() -> None:
    builder = NetworkBuilder(n_inputs=2, input_labels=("left", "right"))
    first = builder.add_neuron(theta_p=3, label="first")
    second = builder.add_neuron(theta_p=4, theta_n=5, negative=True, w_fb=4, decay=2)
    builder.connect(1, first, -7)
    builder.connect(builder.source_of(first), second, 9)
    builder.output(second)
    net = builder.build()
    assert (builder.n_neurons, builder.source_of(second)) == (2, 3)
    assert net.source.tolist() == [1, 2]
    assert net.theta_n.tolist() == [3, 5]
    assert net.labels == ("first", "")
    assert net.input_labels == ("left", "right")
    with pytest.raises(NetworkError, match="connected already"):
        builder.connect(1, first, 1)
