"""Acceptance of an import: right, or refused with a reason and an option that was tried and helps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from chip.errors import ChipError, FitError
from chip.naming import shown
from chip.nir.agreement import LEAST_AGREEMENT, LEAST_MATCHED, Agreement
from chip.nir.discretise import DiscreteNeurons
from chip.nir.imported import NirImport, Translation
from chip.nir.trial import ALL

__all__ = ["Objection", "objection", "require_right", "vanished"]

Changed = Callable[..., NirImport]
# Neurons up to which options are tried, which takes an import each.
_MOST_NEURONS = 128
_ROUND = (1.0, 2.0, 5.0)
_LOSSY = "--lossy takes it all the same"


@dataclass(frozen=True)
class Objection:
    """Reason why an import is not right.

    Args:
        where: the node, or "nir".
        message: what is wrong.
        cause: the kind of it, which decides what may help.
    """

    where: str
    message: str
    cause: Literal["size", "vanished", "silent", "wrong"]

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


def objection(imported: NirImport) -> Objection | None:
    """Return the reason why an import is not right; None if it is."""
    if (translation := imported.translation) is None:
        return None
    if not imported.agreement:
        return Objection("nir", f"was not run beside the graph: {imported.stimulus}", "size")
    if lost := vanished(translation):
        name, weights = lost[0]
        part = 2 * int(translation.quantised.theta.max(initial=1))
        message = (
            f"all {weights} weights become 0: in a step of {imported.dt_s:g} s no event moves the membrane"
        )
        return Objection(_node(name), f"{message} by a {part}th of the threshold", "vanished")
    agreement = imported.agreement[ALL]
    silent = {name for name, found in imported.agreement.items() if found.silent}
    if agreement.silent or (silent and silent >= _last_nodes(translation.neurons)):
        message = f"is silent on {imported.stimulus}: its agreement with the chip cannot be measured"
        return Objection("nir" if agreement.silent else _node(min(silent)), message, "silent")
    wrong = [(found.score, name) for name, found in imported.agreement.items() if _is_wrong(found)]
    if not wrong:
        return None
    name = min(wrong)[1]
    least = f"right is from {LEAST_AGREEMENT} and {LEAST_MATCHED} of the spikes on"
    message = f"agrees with the graph in {imported.agreement[name]}, on {imported.stimulus}; {least}"
    return Objection("nir" if name == ALL else _node(name), message, "wrong")


def require_right(imported: NirImport, changed: Changed) -> None:
    """Refuse an import that does not do what its graph does.

    Args:
        imported: the import, with its agreement.
        changed: import of the same graph with other options.

    Raises:
        FitError: names the node that differs most, and an option that was tried and helps.
    """
    if (found := objection(imported)) is None:
        return
    hints = {"size": _size_hint, "vanished": _step_hint, "silent": _silence_hint, "wrong": _other_options}
    raise FitError(found.message, where=found.where, hint=hints[found.cause](imported, changed))


def vanished(translation: Translation) -> list[tuple[str, int]]:
    """Return the nodes all of whose weights became 0, each with their number."""
    neurons, quantised = translation.folded, translation.quantised
    found = []
    for at, name in enumerate(neurons.names):
        part = slice(neurons.starts[at], neurons.starts[at + 1])
        rows = slice(neurons.weights.indptr[part.start], neurons.weights.indptr[part.stop])
        real = int(np.count_nonzero(neurons.weights.data[rows]))
        if real and not quantised.weights.data[rows].any():
            found.append((name, real))
    return found


def _is_wrong(found: Agreement) -> bool:
    return not found.silent and not found.right


def _last_nodes(neurons: DiscreteNeurons) -> set[str]:
    """Return the nodes that the outputs read."""
    return {neurons.node_of(int(neuron)) for neuron in np.unique(neurons.readout.indices)}


def _node(name: str) -> str:
    return f"node '{shown(name)}'"


def _tried(
    imported: NirImport, changed: Changed, options: Iterator[tuple[str, dict[str, Any]]]
) -> str | None:
    """Return the first option with which the import is right."""
    if imported.translation is None or imported.translation.neurons.count > _MOST_NEURONS:
        return None
    for text, other in options:
        try:
            found = changed(**other)
        except ChipError:
            continue
        if found.translation is None or vanished(found.translation):
            continue
        if found.agreement[ALL].right and not any(_is_wrong(one) for one in found.agreement.values()):
            return f"{text} ({found.agreement[ALL].agreement:.3f})"
    return None


def _steps(imported: NirImport) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield longer steps up to the longest time constant, in round numbers."""
    if imported.translation is None:
        return
    neurons = imported.translation.neurons
    share = np.concatenate([1 - neurons.beta[neurons.beta < 1], 1 - neurons.alpha[neurons.alpha > 0]])
    longest = imported.dt_s / float(share.min(initial=1.0))
    start = int(np.floor(np.log10(imported.dt_s)))
    for exponent in range(start, start + 12):
        for factor in _ROUND:
            dt_s = float(f"{factor}e{exponent}")
            if imported.dt_s < dt_s <= longest:
                yield f"--dt {dt_s:g}", {"dt_s": dt_s}


def _size_hint(imported: NirImport, changed: Changed) -> str:
    return f"use fewer neurons, or another --arch; {_LOSSY}"


def _step_hint(imported: NirImport, changed: Changed) -> str:
    if (found := _tried(imported, changed, _steps(imported))) is not None:
        return f"time constants are in another unit, or the step is too short: {found} keeps them; {_LOSSY}"
    return f"no longer step up to the time constants helps: scale weights up or thresholds down; {_LOSSY}"


def _silence_hint(imported: NirImport, changed: Changed) -> str:
    if (found := _tried(imported, changed, _steps(imported))) is not None:
        return f"{found} makes it respond; or give an input to which it does: --spikes FILE; {_LOSSY}"
    return f"give an input to which it responds: --spikes FILE; {_LOSSY}"


def _other_options(imported: NirImport, changed: Changed) -> str:
    reset = imported.translation.reset if imported.translation else "zero"
    options: list[tuple[str, dict[str, Any]]] = []
    if reset == "zero":
        options.append(("--fit", {"fit": "trial"}))
    tools = {
        "zero": "--reset zero, if the tool resets to a value",
        "subtract": "--reset subtract, if the tool subtracts the threshold at the spike (sinabs, Rockpool)",
        "snntorch": "--reset snntorch, if it is snnTorch with its default reset",
    }
    options += [(text, {"reset": other}) for other, text in tools.items() if other != reset]
    if (found := _tried(imported, changed, iter(options))) is not None:
        return f"{found}; {_LOSSY}"
    more = "leaks of 1 - 2^-n, resets that subtract and six-bit weights in training bring it closer"
    return f"{more}; {_LOSSY}; its cost by cause: anomaly chip convert NETWORK OUT.npz --lossy --measure"
