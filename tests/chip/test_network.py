"""Networks: identity, immutability, sizes, and files that give the same network back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chip.errors import NetworkError
from chip.network import Network

MakeNetwork = Callable[..., Network]


@st.composite
def networks(draw: st.DrawFn) -> Network:
    n_inputs, neurons = draw(st.integers(0, 5)), draw(st.integers(0, 8))
    column = st.lists(st.integers(0, 255), min_size=neurons, max_size=neurons)
    pairs = st.tuples(st.integers(0, n_inputs + neurons - 1), st.integers(0, neurons - 1))
    synapses = draw(st.lists(pairs, unique=True, max_size=20)) if neurons else []
    weight = st.integers(1, 31).flatmap(lambda size: st.sampled_from([size, -size]))
    return Network(
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
def test_files_give_the_same_network_back(original: Network) -> None:
    for copy in (Network.from_npz(original.to_npz()), Network.from_json(original.to_json())):
        assert copy.same_as(original)
        assert copy.fingerprint() == original.fingerprint()
        assert copy.to_npz() == original.to_npz()


@given(networks(), st.randoms(use_true_random=False))
def test_order_of_synapses_does_not_count(original: Network, random: Any) -> None:
    order = list(range(original.n_synapses))
    random.shuffle(order)
    arrays = original.arrays()
    for name in ("source", "target", "weight"):
        arrays[name] = arrays[name][order]
    assert Network(n_inputs=original.n_inputs, **arrays).same_as(original)


def test_sizes_and_fan_in_and_fan_out(make_network: MakeNetwork) -> None:
    net = make_network()
    assert (net.n_neurons, net.n_synapses, net.n_outputs) == (3, 4, 2)
    assert net.fan_in().tolist() == [1, 2, 1]
    assert net.fan_out().tolist() == [1, 1, 1, 0, 1]


def test_networks_are_immutable(make_network: MakeNetwork) -> None:
    net = make_network()
    with pytest.raises(ValueError, match="read-only"):
        net.weight[0] = 3
    with pytest.raises(AttributeError):
        net.n_inputs = 3  # type: ignore[misc]
    given_array = np.array([1, 2, 3])
    assert make_network(theta_p=given_array).theta_p is not given_array
    assert given_array.flags.writeable


def test_labels_are_stored_but_not_part_of_the_identity(make_network: MakeNetwork) -> None:
    named = make_network(labels=("a", "b", "c"), input_labels=("x", "y"))
    assert named.same_as(make_network())
    assert named.fingerprint() == make_network().fingerprint()
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
def test_first_difference_is_named(make_network: MakeNetwork, changes: dict[str, Any], words: str) -> None:
    difference = make_network().difference(make_network(**changes))
    assert difference is not None
    assert words in difference
    assert make_network(**changes).difference(make_network()) is not None
    assert make_network().fingerprint() != make_network(**changes).fingerprint()


def test_npz_file_is_written_and_read_by_path(tmp_path: Path, make_network: MakeNetwork) -> None:
    path = tmp_path / "network.npz"
    original = make_network(labels=("a", "b", "c"))
    assert original.to_npz(path) == original.to_npz() == path.read_bytes()
    for source in (path, str(path), path.read_bytes()):
        assert Network.from_npz(source).labels == ("a", "b", "c")
    assert [item.name for item in tmp_path.iterdir()] == ["network.npz"]


def test_failed_write_keeps_the_old_file(
    tmp_path: Path, make_network: MakeNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "network.npz"
    make_network().to_npz(path)

    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(NetworkError, match="No space left") as caught:
        make_network(w_fb=[0, 0, 0]).to_npz(path)
    assert caught.value.where == str(path)
    assert Network.from_npz(path).same_as(make_network())
    assert [item.name for item in tmp_path.iterdir()] == ["network.npz"]


def test_unreadable_npz_file_is_named(tmp_path: Path, make_network: MakeNetwork) -> None:
    with pytest.raises(NetworkError, match="No such file") as caught:
        Network.from_npz(tmp_path / "missing.npz")
    assert caught.value.where == str(tmp_path / "missing.npz")
    (tmp_path / "cut.npz").write_bytes(make_network().to_npz()[:50])
    with pytest.raises(NetworkError, match="not a whole NPZ") as caught:
        Network.from_npz(tmp_path / "cut.npz")
    assert caught.value.where == f"{tmp_path / 'cut.npz'}: npz"
