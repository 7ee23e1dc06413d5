"""Validation of networks: each refusal names the field and the item."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from chip.errors import NetworkError
from chip.network import Network

MakeNetwork = Callable[..., Network]


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
def test_invalid_fields_are_refused(
    make_network: MakeNetwork, changes: dict[str, Any], where: str, words: str
) -> None:
    with pytest.raises(NetworkError) as caught:
        make_network(**changes)
    assert caught.value.where == where
    assert words in caught.value.message


def test_excessive_sizes_are_refused(make_network: MakeNetwork) -> None:
    many = np.zeros((1 << 20) + 1, np.int8)
    with pytest.raises(NetworkError, match="more than the"):
        make_network(**dict.fromkeys(("theta_p", "theta_n", "negative", "w_fb", "decay"), many))
