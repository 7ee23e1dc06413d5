"""Runs the neurons of a NIR graph in real numbers: what the integers of the chip are measured against."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from chip.nir.units import Reset, Units

__all__ = ["reference_spikes"]


def reference_spikes(units: Units, spikes: NDArray[np.int8], *, reset: Reset = "zero") -> NDArray[np.bool_]:
    """Spikes of every neuron, bool[step, neuron], on one stream of input, [step, input].

    From group to group spikes arrive within the step, within a loop in the next: what frameworks do with layers and
    with recurrent connections. Resets go to ``v_reset``, as NIR has it, or subtract the threshold.
    """
    inner = units.weights[:, units.n_inputs :].tocoo()
    ahead = units.level[inner.row] > units.level[inner.col]
    shape = (units.count, units.count)
    late = sparse.csr_array((inner.data[~ahead], (inner.row[~ahead], inner.col[~ahead])), shape=shape)
    soon = sparse.csr_array((inner.data[ahead], (inner.row[ahead], inner.col[ahead])), shape=shape)
    groups = [np.flatnonzero(units.level == level) for level in range(int(units.level.max(initial=0)) + 1)]
    soon_rows = [soon[group] for group in groups]
    driven = np.asarray(spikes @ units.weights[:, : units.n_inputs].T.tocsr(), np.float64) + units.bias
    current, membrane = np.zeros(units.count), np.zeros(units.count)
    fired = np.zeros((len(spikes), units.count), np.bool_)
    last = np.zeros(units.count)
    for step, drive in enumerate(driven):
        drive = drive + late @ last
        last = np.zeros(units.count)
        for group, weights in zip(groups, soon_rows, strict=True):
            current[group] = units.keep_current[group] * current[group] + drive[group] + weights @ last
            membrane[group] = units.keep[group] * membrane[group] + current[group]
            last[group] = membrane[group] > units.theta[group]
        fired[step] = last > 0
        membrane = _reset(units, membrane, fired[step], reset)
    return fired


def _reset(
    units: Units, membrane: NDArray[np.float64], fired: NDArray[np.bool_], reset: Reset
) -> NDArray[np.float64]:
    if reset == "subtract":
        return membrane - units.fall * fired
    return np.where(fired & np.isfinite(units.v_reset), units.v_reset, membrane)
