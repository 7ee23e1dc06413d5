"""Diagnosers: each reads the evidence around an alarm and states a finding, if it has one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from anomaly.diagnose.context import DiagnosisContext


@dataclass(frozen=True)
class Diagnosis:
    """Finding about an alarm.

    Args:
        summary: one sentence for the operator.
        evidence: JSON types that support it.
    """

    summary: str
    evidence: dict[str, Any]


class Diagnoser(Protocol):
    """One method of diagnosis."""

    @property
    def name(self) -> str:
        """Name of the method, as in error messages."""

    def diagnose(self, context: DiagnosisContext) -> Diagnosis | None:
        """Return the finding, or None where the context does not hold what this method needs, or shows nothing."""


def combine(context: DiagnosisContext, diagnosers: Sequence[Diagnoser]) -> Diagnosis:
    """Return the findings of several diagnosers as one, in their order.

    Summaries become sentences of one text; of equal evidence keys the first diagnoser's is kept. A diagnoser that fails
    adds its error to the evidence, under ``diagnosis_errors``: the case must be opened all the same.
    """
    summaries: list[str] = []
    evidence: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for diagnoser in diagnosers:
        try:
            found = diagnoser.diagnose(context)
        except Exception as error:
            errors[diagnoser.name] = repr(error)
            continue
        if found is not None:
            summaries += [found.summary] if found.summary else []
            evidence = found.evidence | evidence
    if errors:
        evidence["diagnosis_errors"] = errors
    return Diagnosis("; ".join(summaries), evidence)
