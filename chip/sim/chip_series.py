"""Simulation of a series of imperfect chips on the same input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chip.errors import NetworkError
from chip.network import Network
from chip.sim.imperfection import Imperfection
from chip.sim.simulator import EngineName, SimulationResult, Simulator

__all__ = ["run_series"]


def run_series(
    network: Network,
    spikes: NDArray[np.integer[Any]],
    *,
    v_sat: int,
    imperfection: Imperfection,
    chips: int,
    engine: EngineName = "numpy",
    record: Literal["outputs", "all"] = "outputs",
) -> Iterator[SimulationResult]:
    """Run chips 0, 1, … of a series, each from rest on the same input, and yield their results.

    Only one result at a time is kept in memory.

    Args:
        network: network on every chip.
        spikes: -1, 0 or +1 of each [step, stream, input].
        v_sat: membranes are clipped to [-v_sat, +v_sat].
        imperfection: of the series; its seed determines every chip.
        chips: number of chips, at least 1.
        engine: as for ``Simulator``; both give the same bits.
        record: ``"all"`` also keeps the spikes of every neuron.

    Raises:
        NetworkError: the spikes do not match the network, or ``chips`` is below 1.
        ChipError: the engine needs Numba, which is not installed.
    """
    if chips < 1:
        raise NetworkError(f"is {chips}, not at least 1", where="chips")
    first = Simulator(network, v_sat=v_sat, engine=engine, imperfection=imperfection)
    for number in range(chips):
        yield (first.for_chip(number) if number else first).run(spikes, record=record)
