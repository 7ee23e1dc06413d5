"""Difference of two bundles on the same clips, with intervals of a paired bootstrap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anomaly.errors import InputError
from anomaly.evaluate.metrics.detection_metrics import bootstrap
from anomaly.evaluate.run import Evaluation

Interval = tuple[float, float]


@dataclass(frozen=True)
class Difference:
    """Figures of one bundle less those of another; None where the set has too little, with the ``reason``.

    Args:
        auc: difference of the AUC.
        auc_ci: its 95 % interval over recordings, both bundles drawn alike.
        pauc: difference of the partial AUC.
        pauc_ci: interval of that.
        reason: reason for missing figures.
    """

    auc: float | None
    auc_ci: Interval | None
    pauc: float | None
    pauc_ci: Interval | None
    reason: str | None = None

    def as_json(self) -> dict[str, object]:
        """Return JSON values; ``reason`` only where there is one."""
        values: dict[str, object] = {
            "auc": self.auc,
            "auc_ci": None if self.auc_ci is None else list(self.auc_ci),
            "pauc": self.pauc,
            "pauc_ci": None if self.pauc_ci is None else list(self.pauc_ci),
        }
        return values if self.reason is None else {**values, "reason": self.reason}


def difference(ours: Evaluation, theirs: Evaluation, detector: str) -> Difference:
    """Difference of AUC and partial AUC of one detector in two bundles on the same clips.

    Recordings are drawn with replacement, the same ones for both (paired bootstrap).

    Raises:
        InputError: they were not scored on the same clips.
    """
    if ours.clips != theirs.clips:
        raise InputError("the bundles were not scored on the same clips", where=ours.folder)
    mine, other = ours.outcomes[detector], theirs.outcomes[detector]
    a, b = mine.detection, other.detection
    if a.auc is None or b.auc is None or a.pauc is None or b.pauc is None:
        return Difference(None, None, None, None, a.reason)
    auc, pauc = a.auc - b.auc, a.pauc - b.pauc
    if a.ci is None:
        return Difference(auc, None, pauc, None, "too few recordings for an interval")
    recordings = [clip.recording for clip in ours.clips]
    first = bootstrap(ours.labels, mine.scores, recordings)
    second = bootstrap(ours.labels, other.scores, recordings)
    return Difference(auc, _interval(first.auc - second.auc), pauc, _interval(first.pauc - second.pauc))


def _interval(differences: npt.NDArray[np.float64]) -> Interval:
    low, high = np.quantile(differences, [0.025, 0.975])
    return float(low), float(high)
