"""Detection metrics (ROC, AUC, partial AUC, F1-EV) and their bootstrap over recordings.

Definitions follow scikit-learn, the reference in the tests: ties count half, the partial AUC
is McClish's standardised one (Med Decis Making 9, 1989), 0.5 for chance and 1 for perfect.
Labels are true (or 1) for anomalies; higher scores mean more anomalous.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anomaly.errors import InputError

Floats = npt.NDArray[np.float64]

MAX_FPR = 0.1
DRAWS = 1000


@dataclass(frozen=True)
class Roc:
    """Receiver operating characteristic, from (0, 0) to (1, 1).

    Attributes:
        false_positive_rate: shape [points], rising.
        true_positive_rate: shape [points], rising.
        thresholds: shape [points], falling; "score >= threshold" gives the rates. The first is infinite.
    """

    false_positive_rate: Floats
    true_positive_rate: Floats
    thresholds: Floats


def roc_curve(labels: npt.ArrayLike, scores: npt.ArrayLike) -> Roc:
    """False and true positive rates for every threshold.

    Raises:
        InputError: fewer than one normal and one anomaly, a score that is no number, or unequal lengths.
    """
    anomalous, values = _checked(labels, scores)
    fpr, tpr, thresholds = _curves(anomalous, values, np.ones((1, len(values))))
    return Roc(fpr[0], tpr[0], thresholds)


def auc(labels: npt.ArrayLike, scores: npt.ArrayLike) -> float:
    """Area under the ROC curve: probability that an anomaly scores higher than a normal sound, ties counted half.

    Raises:
        InputError: as `roc_curve`.
    """
    curve = roc_curve(labels, scores)
    return float(np.trapezoid(curve.true_positive_rate, curve.false_positive_rate))


def pauc(labels: npt.ArrayLike, scores: npt.ArrayLike, max_fpr: float = MAX_FPR) -> float:
    """The AUC where at most ``max_fpr`` of normal sound raises an alarm, standardised after McClish.

    Raises:
        InputError: as `roc_curve`, or ``max_fpr`` is not in (0, 1].
    """
    curve = roc_curve(labels, scores)
    return float(_partial_areas(curve.false_positive_rate[None], curve.true_positive_rate[None], max_fpr)[0])


def f1_ev(labels: npt.ArrayLike, scores: npt.ArrayLike, *, bounded: bool = False) -> float:
    """The F1 score to expect of a threshold drawn at random, hence how likely a good one is to be found.

    The mean of the F1 score ("score > threshold" is an alarm) over all thresholds between the lowest and the
    highest score. Bounded, only over those that an estimate from normal sound can come to: from the mean of the
    normals up to 1.28 times the largest standard deviation that their range allows (Bhatia and Davis).
    Source: Wilkinghoff and Imoto, F1-EV Score, ICASSP 2024, arXiv 2312.09143, and its authors' code
    (github.com/wilkinghoff/f1-ev). Its scale depends on the shape of the scores and the share of anomalies.

    Raises:
        InputError: as `roc_curve`.
    """
    anomalous, values = _checked(labels, scores)
    steps = np.unique(values)
    if bounded:
        normal = values[~anomalous]
        mean = float(normal.mean())
        widest = np.sqrt(max((normal.max() - mean) * (mean - normal.min()), 0.0))
        low, high = mean, mean + 1.28 * widest
        steps = np.concatenate([[low], steps[(steps > low) & (steps < high)], [high]])
    if steps[-1] <= steps[0]:
        return _f1(anomalous, values, float(steps[0]))
    found = [_f1(anomalous, values, float(step)) for step in steps[:-1]]
    return float(np.dot(np.diff(steps), found) / (steps[-1] - steps[0]))


def _f1(anomalous: npt.NDArray[np.bool_], scores: Floats, threshold: float) -> float:
    """Zero where there is nothing to be right about: the set has anomalies."""
    alarm = scores > threshold
    return float(2 * (alarm & anomalous).sum() / (alarm.sum() + anomalous.sum()))


@dataclass(frozen=True)
class Spread:
    """AUC and partial AUC of the same scores under resampled recordings, shape [draws] each."""

    auc: Floats
    pauc: Floats

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Percentile interval of the AUC."""
        low, high = np.quantile(self.auc, [(1 - confidence) / 2, (1 + confidence) / 2])
        return float(low), float(high)


def bootstrap(
    labels: npt.ArrayLike,
    scores: npt.ArrayLike,
    recordings: Sequence[str],
    *,
    draws: int = DRAWS,
    seed: int = 0,
    max_fpr: float = MAX_FPR,
) -> Spread:
    """Resample recordings and compute AUC and partial AUC of each draw.

    Whole recordings are drawn with replacement, normals included, because clips of one recording
    resemble each other. Recordings with normal clips only, with anomalies only, and with both (a
    fault injected into a normal clip) are drawn separately, so that each draw has both classes. The
    draws depend on the recordings and the seed alone: two detectors, or two trainings, scored on
    the same clips can be compared draw by draw.

    Args:
        labels: shape [clips].
        scores: shape [clips].
        recordings: the recording of each clip, length [clips].
        draws: number of draws.
        seed: of the draws.
        max_fpr: for the partial AUC.

    Raises:
        InputError: as `roc_curve`, or a number of recordings that differs from that of scores.
    """
    anomalous, values = _checked(labels, scores)
    if len(recordings) != len(values):
        raise InputError(f"{len(values)} scores but {len(recordings)} recordings")
    weights = _resampled(anomalous, recordings, draws, seed)
    fpr, tpr, _ = _curves(anomalous, values, weights)
    areas = np.trapezoid(tpr, fpr, axis=1)
    return Spread(np.asarray(areas), _partial_areas(fpr, tpr, max_fpr))


def _checked(labels: npt.ArrayLike, scores: npt.ArrayLike) -> tuple[npt.NDArray[np.bool_], Floats]:
    anomalous = np.asarray(labels).astype(bool)
    values = np.asarray(scores, dtype=np.float64)
    if anomalous.ndim != 1 or anomalous.shape != values.shape:
        raise InputError(f"labels {anomalous.shape} and scores {values.shape} do not match")
    if not np.isfinite(values).all():
        raise InputError(
            f"{int((~np.isfinite(values)).sum())} of {len(values)} scores are not finite numbers"
        )
    if anomalous.all() or not anomalous.any():
        present = "anomalies" if anomalous.any() else "normal sound"
        raise InputError(f"only {present} among {len(values)} clips: an AUC needs both")
    return anomalous, values


def _curves(
    anomalous: npt.NDArray[np.bool_], scores: Floats, weights: Floats
) -> tuple[Floats, Floats, Floats]:
    """False and true positive rates, [draws, points]; clips count ``weights`` [draws, clips] times."""
    order = np.argsort(-scores, kind="stable")
    falling, hit = scores[order], anomalous[order]
    last_of_tie = np.append(np.diff(falling) != 0, True)
    ordered = weights[:, order]
    rates = []
    for kind in (~hit, hit):
        counts = np.cumsum(ordered * kind, axis=1)
        rate = counts[:, last_of_tie] / counts[:, -1:]
        rates.append(np.concatenate([np.zeros((len(rate), 1)), rate], axis=1))
    return rates[0], rates[1], np.append(np.inf, falling[last_of_tie])


def _partial_areas(fpr: Floats, tpr: Floats, max_fpr: float) -> Floats:
    """Area left of ``max_fpr``, [draws], scaled so that chance is 0.5."""
    if not 0.0 < max_fpr <= 1.0:
        raise InputError(f"max_fpr is {max_fpr}, but a rate in (0, 1] is needed")
    # Widths of the trapezoids, cut off at max_fpr, with the height interpolated at the cut.
    left, right = fpr[:, :-1], fpr[:, 1:]
    width = np.clip(right, None, max_fpr) - np.clip(left, None, max_fpr)
    slope = np.divide(tpr[:, 1:] - tpr[:, :-1], right - left, out=np.zeros_like(left), where=right > left)
    area = (width * (tpr[:, :-1] + 0.5 * slope * width)).sum(axis=1)
    chance = 0.5 * max_fpr**2
    return np.asarray(0.5 * (1.0 + (area - chance) / (max_fpr - chance)))


def _resampled(anomalous: npt.NDArray[np.bool_], recordings: Sequence[str], draws: int, seed: int) -> Floats:
    """Number of times that each clip counts in each draw, [draws, clips]."""
    names, index = np.unique(np.asarray(recordings), return_inverse=True)
    has_normal = np.bincount(index, weights=~anomalous, minlength=len(names)) > 0
    has_anomaly = np.bincount(index, weights=anomalous, minlength=len(names)) > 0
    generator = np.random.default_rng(seed)
    times = np.zeros((draws, len(names)))
    for stratum in (has_normal & ~has_anomaly, has_anomaly & ~has_normal, has_normal & has_anomaly):
        members = np.flatnonzero(stratum)
        if len(members):
            times[:, members] = generator.multinomial(
                len(members), np.full(len(members), 1 / len(members)), draws
            )
    return np.asarray(times[:, index])
