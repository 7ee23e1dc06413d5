"""Nested figures of the families: each is of the weights that were chosen without its family and without its machine.

A figure that had a part in a choice flatters it. Here the weights of the kinds of error are chosen anew for every
family and machine, by the mean AUC over the *other* families on the *other* machines (whose backgrounds are others too,
but for the simulated hall), and the left-out family on the left-out machine shows what that choice would have got.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from anomaly.audio.simulator.changes import FAMILIES
from anomaly.evaluate.bench.summary import Results
from lib.kind_weights import variants_of

Figures = dict[str, dict[str, dict[str, object]]]
# AUC and partial AUC of each variant, set and family, nan where there is none: [variants, sets, families, 2].
Table = np.ndarray


def nested_figures(results: Results, detectors: Sequence[str]) -> Figures:
    """Choose weights without each family and machine in turn.

    Args:
        results: figures of family sets, of the detectors with all weights.
        detectors: names of those that have variants.

    Returns:
        Family to detector to ``auc`` and ``pauc`` (means over machines) and ``chosen`` (machine to the name of the
        variant). Without another family to choose on, a family is left out.
    """
    found: Figures = {}
    for detector in detectors:
        names = variants_of(detector, sorted({name for row in _rows(results) for name in row}))
        if not names:
            continue
        table = _table(results, names)
        for number, family in enumerate(FAMILIES):
            own = _left_out(table, number, names, list(results))
            if own is not None:
                found.setdefault(family, {})[detector] = own
    return found


def _left_out(
    table: Table, family: int, names: Sequence[str], sets: Sequence[str]
) -> dict[str, object] | None:
    """Return the figures of one family, each machine with weights chosen on the others."""
    figures, chosen = [], {}
    for machine, name in enumerate(sets):
        others = np.ones(table.shape[1:3], bool)
        others[:, family] = False
        if len(sets) > 1:
            others[machine] = False
        seen = table[:, others, 0]
        seen = seen[:, ~np.isnan(seen).any(axis=0)]
        own = table[:, machine, family]
        if not seen.shape[1] or np.isnan(own).any():
            continue
        best = int(seen.mean(axis=1).argmax())
        figures.append(own[best])
        chosen[name] = names[best]
    if not figures:
        return None
    auc, pauc = np.mean(figures, axis=0)
    return {"auc": round(float(auc), 4), "pauc": round(float(pauc), 4), "chosen": chosen}


def _table(results: Results, names: Sequence[str]) -> Table:
    table = np.full((len(names), len(results), len(FAMILIES), 2), np.nan)
    for machine, levels in enumerate(results.values()):
        for family, kinds in enumerate(FAMILIES.values()):
            for number, name in enumerate(names):
                pairs = [
                    (row[name].faults[kind], row[name].fault_pauc[kind])
                    for row in levels.values()
                    if name in row
                    for kind in kinds
                    if kind in row[name].faults
                ]
                if pairs:
                    table[number, machine, family] = np.mean(pairs, axis=0)
    return table


def _rows(results: Results) -> list[Mapping[str, object]]:
    return [row for levels in results.values() for row in levels.values()]
