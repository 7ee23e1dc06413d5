"""Network under repair, with the activity of its sources kept while neurons and synapses are added and removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.network import NEURON_FIELDS, SYNAPSE_FIELDS, Network

__all__ = ["RELAY", "Action", "RepairDraft"]

# A relay neuron: it passes spikes on, and its feedback subtracts exactly what it sent.
RELAY: Mapping[str, int] = {"theta_p": 1, "theta_n": 1, "negative": 1, "w_fb": 1, "decay": 0}


@dataclass(frozen=True)
class Action:
    """One change by a repair.

    Args:
        rule: design rule that was violated.
        place: neuron, source or synapse; the first of several.
        done: description of the change.
        exact: whether every output spike stays the same on any input.
        effect: description of its effect on spikes.
    """

    rule: str
    place: str
    done: str
    exact: bool
    effect: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.place}: {self.done}; {self.effect}"

    def to_dict(self) -> dict[str, Any]:
        """Return the action as plain values."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class RepairDraft:
    """Network under repair and its activity.

    Args:
        network: network, as far as it is repaired.
        rates: spikes per step of each source, inputs first, float64[n_inputs + n_neurons].
    """

    network: Network
    rates: NDArray[np.float64]

    def usefulness(self) -> NDArray[np.float64]:
        """Compute the charge that each synapse moves in a step: |weight| x spikes of its source, [synapse]."""
        useful: NDArray[np.float64] = np.abs(self.network.weight) * self.rates[self.network.source]
        return useful

    def changed(self, **arrays: Any) -> RepairDraft:
        """Return the same neurons with other values."""
        network = self.network
        names = {"labels": network.labels, "input_labels": network.input_labels}
        return RepairDraft(
            Network(n_inputs=network.n_inputs, **network.arrays() | names | dict(arrays)), self.rates
        )

    def with_synapses(self, keep: NDArray[np.bool_]) -> RepairDraft:
        """Return the draft with only the synapses that are kept, [synapse]."""
        return self.changed(**{name: getattr(self.network, name)[keep] for name in SYNAPSE_FIELDS})

    def with_neurons(self, keep: NDArray[np.bool_]) -> RepairDraft:
        """Return the draft with only the kept neurons, [neuron], and the synapses between them; outputs must stay."""
        network, n_inputs = self.network, self.network.n_inputs
        sources = np.concatenate([np.ones(n_inputs, np.bool_), keep])
        number = np.cumsum(sources) - 1
        stays = sources[network.source] & keep[network.target]
        arrays: dict[str, Any] = {name: getattr(network, name)[keep] for name in NEURON_FIELDS}
        arrays |= {
            "source": number[network.source[stays]],
            "target": number[network.target[stays] + n_inputs] - n_inputs,
            "weight": network.weight[stays],
            "outputs": number[network.outputs + n_inputs] - n_inputs,
            "labels": tuple(label for label, kept in zip(network.labels, keep, strict=False) if kept),
        }
        return RepairDraft(self.changed(**arrays).network, self.rates[sources])

    def grown(
        self,
        neurons: Sequence[Mapping[str, int]],
        labels: Sequence[str],
        rates: Sequence[float],
        synapses: Sequence[tuple[int, int, int]],
        keep: NDArray[np.bool_] | None = None,
    ) -> RepairDraft:
        """Return the draft with more neurons, numbered after the last one.

        Args:
            neurons: fields of each new neuron.
            labels: their labels; ignored where the network has none.
            rates: expected spikes of each per step.
            synapses: source, target and weight of each new synapse.
            keep: old synapses that stay; all of them by default.
        """
        network = self.network
        stays = np.ones(network.n_synapses, np.bool_) if keep is None else keep
        arrays: dict[str, Any] = {
            name: np.append(getattr(network, name), [neuron[name] for neuron in neurons]).astype(np.int64)
            for name in NEURON_FIELDS
        }
        more = np.array(synapses, np.int64).reshape(-1, len(SYNAPSE_FIELDS))
        for column, name in enumerate(SYNAPSE_FIELDS):
            arrays[name] = np.append(getattr(network, name)[stays], more[:, column])
        arrays["labels"] = (*network.labels, *labels) if network.labels else ()
        draft = self.changed(**arrays)
        return RepairDraft(draft.network, np.append(self.rates, rates))
