"""Fixtures of the repair tests: small networks, chips with other limits, and the repair of one violation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from chip.arch import ArchSpec
from chip.builder import NetworkBuilder
from chip.network import Network
from chip.repairs import Repaired, repair
from chip.rules import check


@pytest.fixture(scope="session")
def make_layer() -> Callable[..., Network]:
    """Neurons with one synapse each; all are outputs unless ``outputs`` is given."""

    def make(n_inputs: int, neurons: int, *, outputs: int | None = None, **changes: Any) -> Network:
        ones = np.ones(neurons, np.int64)
        fields: dict[str, Any] = {
            "n_inputs": n_inputs,
            "theta_p": ones,
            "theta_n": ones,
            "negative": ones,
            "w_fb": ones,
            "decay": ones * 0,
            "source": np.arange(neurons) % n_inputs,
            "target": np.arange(neurons),
            "weight": ones,
            "outputs": np.arange(neurons if outputs is None else outputs),
        }
        return Network(**fields | changes)

    return make


@pytest.fixture(scope="session")
def make_sum() -> Callable[..., Network]:
    """One output neuron with a synapse from each input."""

    def make(weights: list[int], theta: int) -> Network:
        builder = NetworkBuilder(n_inputs=len(weights))
        builder.add_neuron(theta_p=theta, w_fb=theta, label="sum")
        for source, weight in enumerate(weights):
            builder.connect(source, 0, weight)
        builder.output(0)
        return builder.build()

    return make


@pytest.fixture(scope="session")
def with_limits() -> Callable[..., ArchSpec]:
    """A chip with other limits in one group of its specification."""

    def change(arch: ArchSpec, group: str, **values: Any) -> ArchSpec:
        part = getattr(arch, group)
        update = {
            name: getattr(part, name).model_copy(update={"value": value}) for name, value in values.items()
        }
        return arch.model_copy(update={group: part.model_copy(update=update)})

    return change


@pytest.fixture(scope="session")
def errors() -> Callable[[Network, ArchSpec], list[str]]:
    """Rules that find an error."""

    def find(network: Network, arch: ArchSpec) -> list[str]:
        return [finding.rule for finding in check(network, arch) if finding.severity == "error"]

    return find


@pytest.fixture(scope="session")
def repair_one() -> Callable[[Network, ArchSpec, str, str], Repaired]:
    """Repair of a network with one violation, after which everything fits."""

    def repair_checked(network: Network, arch: ArchSpec, rule: str, place: str) -> Repaired:
        (finding,) = (finding for finding in check(network, arch) if finding.severity == "error")
        assert (finding.rule, finding.place) == (rule, place)
        result = repair(network, arch)
        assert result.errors == ()
        assert [finding for finding in check(result.network, arch) if finding.severity == "error"] == []
        assert result.network.n_inputs == network.n_inputs
        assert result.network.n_outputs == network.n_outputs
        return result

    return repair_checked
