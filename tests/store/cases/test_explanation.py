"""Explanation of a case: it outlives newer measurements."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from anomaly.store.cases.case import Case
from anomaly.store.store import DATABASE_NAME, Store


def test_an_explanation_stays_when_a_worse_second_follows(tmp_path: Path) -> None:
    with Store.open(tmp_path / DATABASE_NAME) as store:
        case = Case("pump", "machine", "2026-12-01T10:00:00.000Z", "text", 5.0, 1e-6, {"groups": [1.0]})
        assert store.cases.open(case) is not None
        store.cases.explain(case.id, {"sentence": "A tone."})
        store.cases.explain("0" * 32, {"sentence": "no such case"})
        store.cases.update(dataclasses.replace(case, peak_score=9.0, evidence={"groups": [2.0]}))
        found = store.cases.find(case.id)
        assert found.evidence == {"explanation": {"sentence": "A tone."}, "groups": [2.0]}
