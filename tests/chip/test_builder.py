"""The network builder: numbering of sources, default thresholds, labels."""

from __future__ import annotations

import pytest

from chip.builder import NetworkBuilder
from chip.errors import NetworkError


def test_neurons_are_numbered_after_the_inputs() -> None:
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
