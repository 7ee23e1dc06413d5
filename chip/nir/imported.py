"""Result of an import from NIR."""

from __future__ import annotations

from dataclasses import dataclass

from chip.network import Network
from chip.nir.agreement import Agreement
from chip.nir.declaration import Declaration
from chip.nir.discretise import DiscreteNeurons, Reset
from chip.nir.mapping.plan import Plan
from chip.nir.mapping.quantise import Quantised

__all__ = ["NirImport", "Translation"]


@dataclass(frozen=True)
class Translation:
    """Intermediate results of an import, for measurements.

    Args:
        neurons: neurons of the graph.
        folded: neurons as they were quantised: without synaptic currents, unless taps match them.
        quantised: their integers.
        plan: layout of the neurons.
        reset: reset of the tool that wrote the graph.
    """

    neurons: DiscreteNeurons
    folded: DiscreteNeurons
    quantised: Quantised
    plan: Plan
    reset: Reset


@dataclass(frozen=True)
class NirImport:
    """Imported network and the declarations of its import.

    Args:
        network: network of the chip.
        declarations: differences between NIR and the chip, node by node.
        dt_s: duration of a step in seconds.
        translation: the real numbers before quantisation; None if metadata stored the integers.
        agreement: of each node and of all of them ("all") with the graph in real numbers; empty if it was not
            measured, or metadata stored the integers.
        stimulus: description of the input that it was measured on, or the reason why it was not.
    """

    network: Network
    declarations: tuple[Declaration, ...]
    dt_s: float
    translation: Translation | None
    agreement: dict[str, Agreement]
    stimulus: str

    @property
    def exact(self) -> bool:
        """Return whether nothing was approximated."""
        return all(declaration.exact for declaration in self.declarations)
