"""Example of a known cause, made from the explanation of a case."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from anomaly.diagnose.explained_clip import FINGERPRINT
from anomaly.diagnose.naming.examples import KnownCase, add_example
from anomaly.store.cases.case import EXPLANATION, Case


def learn_example(state: Path, case: Case, finding: str) -> int | None:
    """Store the fingerprint of a case as an example of its cause.

    Args:
        state: folder of the database.
        case: of the machine.
        finding: of `anomaly.fault_families`.

    Returns:
        The number of examples of the machine; None where the case has no fingerprint.
    """
    found = case.evidence.get(EXPLANATION)
    values = found.get(FINGERPRINT) if isinstance(found, Mapping) else None
    if not isinstance(values, list):
        return None
    example = KnownCase(finding, case.id, tuple(float(value) for value in values))
    return len(add_example(state, case.machine, example))
