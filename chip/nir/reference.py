"""Runs the neurons of a NIR graph in real numbers: what the integers of the chip are measured against."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from chip.errors import NetworkError
from chip.nir.units import Reset, Units
from chip.sim.stimulus import random_spikes

__all__ = ["checked_spikes", "reference_run", "reference_spikes", "trial_spikes"]

STEPS, RATE = 1000, 0.2


def trial_spikes(n_inputs: int, *, seed: int = 0) -> NDArray[np.int8]:
    """Input at random, [step, input]: a fifth of the inputs fires +1 in a step."""
    return np.abs(random_spikes(n_inputs, STEPS, rate=RATE, seed=seed)[:, 0])


def checked_spikes(units: Units, spikes: NDArray[np.integer[Any]]) -> NDArray[np.int8]:
    """Input spikes as they are run.

    Raises:
        NetworkError: they are not -1, 0 or +1 of each [step, input].
    """
    if spikes.ndim != 2 or spikes.shape[1] != units.n_inputs or len(spikes) == 0:
        raise NetworkError(f"has shape {spikes.shape}, not (steps, {units.n_inputs})", where="spikes")
    if spikes.dtype.kind not in "biu" or spikes.max(initial=0) > 1 or spikes.min(initial=0) < -1:
        raise NetworkError("holds values other than -1, 0 and +1", where="spikes")
    return np.asarray(spikes, np.int8)


def reference_spikes(units: Units, spikes: NDArray[np.int8], *, reset: Reset = "zero") -> NDArray[np.bool_]:
    """Spikes of every neuron, bool[step, neuron], on one stream of input, [step, input].

    From group to group spikes arrive within the step, within a loop in the next: what frameworks do with layers and
    with recurrent connections. Resets go to ``v_reset``, as NIR has it, or subtract the threshold.
    """
    return reference_run(units, spikes, reset=reset)[0]


def reference_run(
    units: Units, spikes: NDArray[np.int8], *, reset: Reset = "zero"
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """The spikes, see ``reference_spikes``, and the mean membrane of each neuron when it fires; NaN if never."""
    inner = units.weights[:, units.n_inputs :].tocoo()
    ahead = units.level[inner.row] > units.level[inner.col]
    shape = (units.count, units.count)
    late = sparse.csr_array((inner.data[~ahead], (inner.row[~ahead], inner.col[~ahead])), shape=shape)
    soon = sparse.csr_array((inner.data[ahead], (inner.row[ahead], inner.col[ahead])), shape=shape)
    groups = [np.flatnonzero(units.level == level) for level in range(int(units.level.max(initial=0)) + 1)]
    soon_rows = [soon[group] for group in groups]
    given = sparse.csr_array(units.weights[:, : units.n_inputs])
    current, membrane = np.zeros(units.count), np.zeros(units.count)
    fired = np.zeros((len(spikes), units.count), np.bool_)
    last, at_spikes = np.zeros(units.count), np.zeros(units.count)
    for step, row in enumerate(spikes):
        drive = given @ row.astype(np.float64) + units.bias + late @ last
        last = np.zeros(units.count)
        for group, weights in zip(groups, soon_rows, strict=True):
            current[group] = units.keep_current[group] * current[group] + drive[group] + weights @ last
            membrane[group] = units.keep[group] * membrane[group] + current[group]
            last[group] = membrane[group] > units.theta[group]
        fired[step] = last > 0
        at_spikes += membrane * fired[step]
        membrane = _reset(units, membrane, fired[step], reset)
    counts = fired.sum(axis=0)
    return fired, np.where(counts > 0, at_spikes / np.maximum(counts, 1), np.nan)


def _reset(
    units: Units, membrane: NDArray[np.float64], fired: NDArray[np.bool_], reset: Reset
) -> NDArray[np.float64]:
    if reset == "subtract":
        return membrane - units.fall * fired
    return np.where(fired & np.isfinite(units.v_reset), units.v_reset, membrane)
