"""Repairs of weights, thresholds, feedback and leaks out of range."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from chip.arch import ArchSpec
from chip.network import Network
from chip.repairs import repair
from chip.sim.stimulus import random_spikes

MakeNetwork = Callable[..., Network]
Errors = Callable[[Network, ArchSpec], list[str]]


@pytest.mark.parametrize(
    ("rule", "exact", "changes"),
    [
        ("weight_range", True, {"weight": [2, 40], "theta_p": [1, 80], "theta_n": [1, 80], "w_fb": [1, 80]}),
        ("weight_range", True, {"weight": [2, 40], "theta_p": [1, 79], "theta_n": [1, 77], "w_fb": [1, 80]}),
        ("weight_range", False, {"weight": [2, 41], "theta_p": [1, 80], "theta_n": [1, 80], "w_fb": [1, 80]}),
        (
            "threshold_range",
            True,
            {"weight": [1, 20], "theta_p": [1, 400], "theta_n": [1, 40], "w_fb": [1, 40]},
        ),
        ("feedback_range", False, {"weight": [1, 20], "w_fb": [1, 301]}),
        ("decay_choice", True, {"decay": [0, 12]}),
    ],
)
def test_values_out_of_range(
    rule: str, exact: bool, changes: dict[str, Any], senna: ArchSpec, make_layer: MakeNetwork, errors: Errors
) -> None:
    network = make_layer(2, 2, **changes)
    result = repair(network, senna)
    assert rule in errors(network, senna)
    assert (result.errors, result.actions[0].rule) == ((), rule)
    assert "neuron 1" in result.actions[0].place
    assert result.actions[0].exact is exact
    if exact:
        assert result.change.agreement == 1


def test_unused_threshold_out_of_range_is_clipped(senna: ArchSpec, make_layer: MakeNetwork) -> None:
    network = make_layer(2, 2, theta_n=[1, 900], negative=[1, 0])
    result = repair(network, senna)
    assert (result.errors, result.change.agreement) == ((), 1)
    assert result.network.weight.tolist() == [1, 1]


@pytest.mark.parametrize("seed", range(4))
def test_exact_scaling_gives_the_same_spikes(seed: int, senna: ArchSpec, make_layer: MakeNetwork) -> None:
    random = np.random.default_rng(seed)
    factor = int(random.integers(5, 9))
    weight = factor * random.integers(10, 20, 6)
    changes: dict[str, Any] = {
        "weight": weight * random.choice([-1, 1], 6),
        "theta_p": random.integers(weight, 2 * weight),
        "theta_n": random.integers(weight, 2 * weight),
        "w_fb": factor * random.integers(20, 30, 6),
    }
    network = make_layer(6, 6, **changes)
    result = repair(network, senna, random_spikes(6, 400, rate=0.7, seed=seed))
    assert len(result.actions) == 6
    assert result.exact
    assert (result.errors, result.change.agreement) == ((), 1)
    assert result.change.mean_count > 0
