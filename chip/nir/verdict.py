"""ImportVerdict on an import: what was kept exactly, what was approximated and by how much, what was refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chip.naming import shown
from chip.nir.acceptance import objection
from chip.nir.imported import NirImport
from chip.nir.trial import ALL

__all__ = ["ImportVerdict", "import_report", "verdict_of"]


@dataclass(frozen=True)
class ImportVerdict:
    """ImportVerdict on an import.

    Args:
        kept: properties that are the same on the chip.
        approximated: properties that are not, by node, and the agreement that remains.
        refused: the reason why the import is not right, which --lossy accepted; or None.
        stimulus: input of the agreement.
    """

    kept: tuple[str, ...]
    approximated: tuple[str, ...]
    refused: str | None
    stimulus: str

    def lines(self) -> list[str]:
        """Return the verdict as lines of text."""
        found = [f"kept exactly: {', '.join(self.kept) or 'nothing'}"]
        found += [f"approximated: {one}" for one in self.approximated] or ["approximated: nothing"]
        if self.stimulus:
            found.append(f"measured on: {self.stimulus}")
        found.append(f"refused: {self.refused}; accepted by --lossy" if self.refused else "refused: nothing")
        return found


def verdict_of(imported: NirImport) -> ImportVerdict:
    """Return the verdict on an import."""
    if imported.translation is None:
        words = "the whole network: the file holds its integers beside the nodes"
        return ImportVerdict((words,), (), None, "")
    by_node: dict[str, dict[bool, list[str]]] = {}
    for declared in imported.declarations:
        by_node.setdefault(declared.node, {}).setdefault(declared.exact, []).append(declared.about)
    kept, approximated = [], []
    for node, found in by_node.items():
        inexact = set(found.get(False, ()))
        exact = [about for about in dict.fromkeys(found.get(True, ())) if about not in inexact]
        if exact:
            kept.append(f"{' and '.join(exact)} of {_place(node)}")
        if inexact:
            agreement = imported.agreement.get(ALL if node == "graph" else node)
            much = "" if agreement is None else f": {agreement}"
            approximated.append(f"{' and '.join(sorted(inexact))} of {_place(node)}{much}")
    found_objection = objection(imported)
    return ImportVerdict(
        tuple(kept),
        tuple(approximated),
        None if found_objection is None else str(found_objection),
        imported.stimulus,
    )


def _place(node: str) -> str:
    return "the graph" if node == "graph" else shown(node)


def import_report(imported: NirImport) -> dict[str, Any]:
    """Return an import as plain values for reports."""
    translation, verdict = imported.translation, verdict_of(imported)
    return {
        "dt_s": imported.dt_s,
        "reset": None if translation is None else translation.reset,
        "exact": imported.exact,
        "agreement": {shown(name): found.to_dict() for name, found in imported.agreement.items()},
        "measured_on": imported.stimulus,
        "verdict": {
            "kept": list(verdict.kept),
            "approximated": list(verdict.approximated),
            "refused": verdict.refused,
        },
        "declarations": [declared.to_dict() for declared in imported.declarations],
    }
