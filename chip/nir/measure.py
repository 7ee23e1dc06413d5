"""Measurement of the effect of each approximation of an import on the spikes, one at a time and all together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from chip.errors import NetworkError
from chip.network import Network
from chip.nir.agreement import Agreement, agreement_of
from chip.nir.discretise import DiscreteNeurons
from chip.nir.imported import NirImport, Translation
from chip.nir.mapping.quantise import real_leaks
from chip.nir.reference import checked_spikes, reference_spikes, trial_spikes
from chip.sim.simulator import Simulator

__all__ = ["Agreement", "agreement_of", "chip_spikes", "measure"]


def measure(
    imported: NirImport, *, v_sat: int, spikes: NDArray[np.integer[Any]] | None = None, seed: int = 0
) -> dict[str, Agreement]:
    """Compare the graph in real numbers with itself under one approximation at a time, and with the chip.

    Args:
        imported: import of a graph that was not restored from metadata.
        v_sat: saturation of the membranes on the chip.
        spikes: input, [step, input]; ``trial_spikes`` by default.
        seed: random seed of the trial spikes.

    Returns:
        Agreement by the subject of the declarations: ``filter``, ``leak``, ``weights`` (with thresholds), ``reset``;
        and ``chip``, all of them and the rest. Only ``reset`` and ``chip`` where taps match the responses.

    Raises:
        NetworkError: the import was exact, or ``spikes`` has another number of inputs.
    """
    if (translation := imported.translation) is None:
        raise NetworkError(
            "was imported from metadata, which is exact", where="nir", hint="--plain reads the nodes"
        )
    neurons = translation.neurons
    if spikes is None:
        spikes = trial_spikes(neurons.n_inputs, seed=seed)
    inputs = checked_spikes(neurons, spikes)
    reference = reference_spikes(neurons, inputs, reset=translation.reset)
    found = {
        about: agreement_of(reference, reference_spikes(changed, inputs, reset=translation.reset))
        for about, changed in _changed(imported.network, translation)
    }
    if translation.reset == "zero":
        found["reset"] = agreement_of(reference, reference_spikes(neurons, inputs, reset="subtract"))
    found["chip"] = agreement_of(reference, chip_spikes(imported.network, translation, inputs, v_sat))
    return found


def _changed(network: Network, translation: Translation) -> list[tuple[str, DiscreteNeurons]]:
    if translation.plan.taps:
        return []
    folded, scale = translation.folded, translation.quantised.scale
    changed = [("filter", folded)] if (translation.neurons.alpha > 0).any() else []
    shifts = network.decay[: folded.count].astype(np.int64)
    if not np.array_equal(real_leaks(shifts), folded.beta):
        changed.append(("leak", replace(folded, beta=real_leaks(shifts))))
    real = sparse.csr_array(sparse.diags_array(1 / scale) @ translation.quantised.weights)
    # "At least theta" in whole numbers is "more than theta - 1/2".
    theta = (translation.quantised.theta - 0.5) / scale
    bias = translation.quantised.bias / scale
    return [*changed, ("weights", replace(folded, weights=real, bias=bias, theta=theta))]


def chip_spikes(
    network: Network, translation: Translation, inputs: NDArray[np.int8], v_sat: int
) -> NDArray[np.int8]:
    """Run the chip's neurons on [step, input], each shifted back by the relays and layers before it."""
    neurons = translation.neurons
    layer = neurons.layer + translation.plan.relayed
    late = int(layer.max(initial=0))
    padded = np.concatenate([inputs, np.zeros((late, inputs.shape[1]), np.int8)])
    run = Simulator(network, v_sat=v_sat).run(padded[:, None], record="all")
    if run.neurons is None:
        raise NetworkError("kept no spikes of its neurons", where="simulator")
    found = run.neurons[:, 0, : neurons.count]
    at = np.arange(len(inputs))[:, None] + layer
    moved: NDArray[np.int8] = found[at, np.arange(neurons.count)]
    return moved
