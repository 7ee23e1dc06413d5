"""Figures of weights that were chosen without the family and the machine that they are of."""

from __future__ import annotations

import pytest

from anomaly.audio.simulator.changes import FAMILIES
from anomaly.evaluate.bench.summary import SetFigures
from lib.kind_weights import is_variant, variant, variants_of
from lib.nested import nested_figures

SLOW, FAST = variant("student", (1.0, 2.0)), variant("student", (3.0, 1.0))


def figures(auc_by_family: dict[str, float]) -> SetFigures:
    faults = {kind: auc for family, auc in auc_by_family.items() for kind in FAMILIES[family]}
    halves = {kind: auc / 2 for kind, auc in faults.items()}
    return SetFigures(0.5, 0.5, (0.0, 1.0), (0.0, 1.0), 0.5, faults, {}, fault_pauc=halves)


def results(flattered: str) -> dict[str, dict[str, dict[str, SetFigures]]]:
    """Results in which slow weights are best on one family of one machine only, and fast ones elsewhere."""
    slow = dict.fromkeys(FAMILIES, 0.6)
    fast = dict.fromkeys(FAMILIES, 0.7)
    first = {"student": slow, SLOW: {**slow, flattered: 1.0}, FAST: {**fast, flattered: 0.5}}
    second = {"student": slow, SLOW: slow, FAST: fast}
    return {
        name: {"1": {one: figures(by_family) for one, by_family in rows.items()}}
        for name, rows in (("families-a", first), ("families-b", second))
    }


def test_a_family_has_no_part_in_the_choice_of_its_own_weights() -> None:
    found = nested_figures(results("shifts"), ["student", "teacher"])
    # On machine a the fast weights are chosen, on b what shifts of a say does not count either.
    assert found["shifts"]["student"]["chosen"] == {"families-a": FAST, "families-b": FAST}
    assert found["shifts"]["student"]["auc"] == pytest.approx((0.5 + 0.7) / 2)
    assert found["shifts"]["student"]["pauc"] == pytest.approx((0.25 + 0.35) / 2)
    assert set(found) == set(FAMILIES)
    assert all("teacher" not in row for row in found.values())


def test_a_machine_has_no_part_in_the_choice_of_its_own_weights() -> None:
    given = results("shifts")
    # On b everything says slow: that must not matter to b.
    row = given["families-b"]["1"]
    row[SLOW], row[FAST] = figures(dict.fromkeys(FAMILIES, 0.9)), figures(dict.fromkeys(FAMILIES, 0.1))
    found = nested_figures(given, ["student"])
    assert found["repeats"]["student"]["chosen"] == {"families-a": SLOW, "families-b": FAST}


def test_one_machine_alone_leaves_out_families_only() -> None:
    alone = {"families-a": results("shifts")["families-a"]}
    found = nested_figures(alone, ["student"])
    assert found["shifts"]["student"]["chosen"] == {"families-a": FAST}


def test_names_of_variants() -> None:
    names = ["teacher", "student", FAST, SLOW, "student-like"]
    assert variants_of("student", names) == ["student", FAST, SLOW]
    assert [is_variant(name) for name in names] == [False, False, True, True, False]
    assert FAST == "student weights 3:1"
