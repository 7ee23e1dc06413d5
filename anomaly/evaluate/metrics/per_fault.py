"""Detection figures of one detector on one set, overall and per fault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from anomaly.errors import InputError
from anomaly.evaluate.metrics.detection_metrics import auc, bootstrap, f1_ev, pauc

UNNAMED = "unnamed"


@dataclass(frozen=True)
class DetectionFigures:
    """Detection figures of one detector; ``None`` where the set lacks normals or anomalies, with the ``reason``.

    Attributes:
        auc: area under the ROC curve.
        pauc: the same where at most a tenth of normal sound raises an alarm (McClish).
        ci: 95 % interval of the AUC over recordings; ``None`` if either class has but one.
        faults: AUC of each kind of fault against all normals.
        f1_ev: bounded F1-EV, expected F1 score of a threshold estimated from normal sound.
        normals: number of normal clips.
        anomalies: number of anomalous clips.
        reason: reason for missing figures.
    """

    auc: float | None
    pauc: float | None
    ci: tuple[float, float] | None
    faults: dict[str, float] = field(default_factory=dict)
    normals: int = 0
    anomalies: int = 0
    reason: str | None = None
    f1_ev: float | None = None

    def as_json(self) -> dict[str, object]:
        """Return JSON values; ``reason`` only where there is one."""
        values: dict[str, object] = {
            "auc": self.auc,
            "pauc": self.pauc,
            "ci": None if self.ci is None else list(self.ci),
            "f1_ev": self.f1_ev,
            "faults": self.faults,
            "normals": self.normals,
            "anomalies": self.anomalies,
        }
        return values if self.reason is None else {**values, "reason": self.reason}


def detection_figures(
    labels: npt.ArrayLike,
    scores: npt.ArrayLike,
    *,
    faults: Sequence[str | None] | None = None,
    recordings: Sequence[str] | None = None,
    seed: int = 0,
) -> DetectionFigures:
    """Compute the detection figures of a detector's scores.

    Args:
        labels: true for anomalies, shape [clips].
        scores: higher is more anomalous, shape [clips].
        faults: the kind of fault of each clip; anomalies without one count as "unnamed".
        recordings: the recording of each clip; each clip is one of its own if left out.
        seed: of the bootstrap.

    Raises:
        InputError: lengths differ, or a score is not a finite number.
    """
    anomalous = np.asarray(labels).astype(bool)
    values = np.asarray(scores, dtype=np.float64)
    if anomalous.shape != values.shape:
        raise InputError(f"labels {anomalous.shape} and scores {values.shape} do not match")
    normals, anomalies = int((~anomalous).sum()), int(anomalous.sum())
    if not normals or not anomalies:
        missing = "normal sound" if not normals else "anomalies"
        reason = f"no {missing} to test with, so an AUC cannot be given"
        return DetectionFigures(None, None, None, {}, normals, anomalies, reason)
    groups = [str(i) for i in range(len(values))] if recordings is None else list(recordings)
    few = (
        min(len({g for g, a in zip(groups, anomalous, strict=True) if a == kind}) for kind in (False, True))
        < 2
    )
    return DetectionFigures(
        auc=auc(anomalous, values),
        pauc=pauc(anomalous, values),
        ci=None if few else bootstrap(anomalous, values, groups, seed=seed).interval(),
        faults={} if faults is None else _per_fault(anomalous, values, faults),
        normals=normals,
        anomalies=anomalies,
        f1_ev=f1_ev(anomalous, values, bounded=True),
    )


def _per_fault(
    anomalous: npt.NDArray[np.bool_], scores: npt.NDArray[np.float64], faults: Sequence[str | None]
) -> dict[str, float]:
    kinds = np.array([fault or UNNAMED for fault in faults])
    result = {}
    for kind in sorted(set(kinds[anomalous].tolist())):
        chosen = ~anomalous | (kinds == kind)
        result[kind] = auc(anomalous[chosen], scores[chosen])
    return result
