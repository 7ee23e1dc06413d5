"""Pooling: error levels per frame and sub-band group become one score per second.

Every detector delivers levels [frames, kinds * groups], in the order kind, then group. A *kind* is one sort of
prediction error (against other bands, against earlier frames, ...). A second is summarised twice: by the mean over its
frames, and by the mean of its loudest quarter, so that a steady hum and a single knock both count. No labels are
needed: the pooling *scale* says which distribution the levels have.

* "log", whitened errors: their sum is a squared Mahalanobis distance. A view is the mean over all groups of one kind
  in one summary; the score is the weighted average of the views, with the detector's own weights (``shares``). Without
  them two kinds weigh the same; of three, as older teachers have them, the second weighs as much as the other two.
* "count", spike counts of comparators with several thresholds, which approximate squared errors: views as of "log";
  groups are standardised on the root of their counts, whose variance is the same at any rate. The weights of the
  kinds are fitted on normal sound, so that a fault in a single group stands out most.
* "root", spike counts as older bundles have them: each group is standardised on held-out normal sound, and its worst
  kind stands for the group. Four views, mean and top four of the groups in both summaries; the score is their soft
  maximum, log mean exp.

Views are in standard deviations of normal sound.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from anomaly.errors import ModelError
from anomaly.features.mel import N_MELS

Levels = npt.NDArray[np.float64]
Scale = Literal["log", "count", "root"]

# Sub-band groups of the built-in detectors, as old bundles have them: each holds 8 of the 128 mel bands.
SUB_BAND_GROUPS = 16
_TOP_GROUPS = 4
_TOP_FRAMES = 0.25
# Of the teacher's kinds: window, innovation, slow. Two kinds, as of older teachers and students, weigh the same.
_FIXED_WEIGHTS: dict[tuple[Scale, int], tuple[float, ...]] = {("log", 3): (0.25, 0.5, 0.25)}
# Added before the logarithm, so that an error of zero stays finite.
_FLOOR = 1e-3
# Added to the second moments of views (ridge): few seconds determine correlations of kinds poorly.
_SHRINKAGE = 0.05
# Views are clipped at this many standard deviations; the bound keeps exp() finite.
_MOST_DEVIATIONS = 60.0
# Standard deviations are raised by this much: smaller ones are an artefact of few held-out seconds.
_ADDED_DEVIATION: dict[Scale, float] = {"log": 0.02, "count": 0.05, "root": 0.05}
_ADDED_VIEW_DEVIATION = 1e-3


@dataclass(frozen=True)
class SecondLevels:
    """Pooled levels of one second.

    Args:
        score: weighted average or soft maximum of the views, in standard deviations of normal sound.
        groups: error level of each sub-band group, [groups], in standard deviations of normal sound.
    """

    score: float
    groups: Levels


@dataclass(frozen=True, eq=False)
class Pooling:
    """Standardisation fitted on held-out normal sound.

    Args:
        scale: "log" for whitened errors (chi-squared like), "count" or, in older bundles, "root" for spikes (Poisson
            like).
        centre: mean of each summary, [2, kinds * groups].
        spread: standard deviation of each summary, same shape.
        view_centre: mean of the views, [2 * kinds], [4] on the scale "root". In older bundles on "log" [2]: the
            average of the kinds in both summaries.
        view_spread: their standard deviation, same shape.
        shares: weights of the kinds in the score, [kinds]; None for fixed weights.
        groups: sub-band groups of the levels.
    """

    scale: Scale
    centre: Levels
    spread: Levels
    view_centre: Levels
    view_spread: Levels
    shares: Levels | None = None
    groups: int = SUB_BAND_GROUPS

    @property
    def kinds(self) -> int:
        """Number of kinds of error in each group."""
        return int(self.centre.shape[1]) // self.groups

    def second(self, levels: npt.NDArray[Any]) -> SecondLevels:
        """Pool one second of levels [frames, kinds * groups]; the caller leaves out frames of a warm-up."""
        return self.seconds(levels[None])[0]

    def seconds(self, levels: npt.NDArray[Any]) -> list[SecondLevels]:
        """Pool seconds of the same length, [n, frames, kinds * groups], each to the bits of `second`."""
        summary = _summaries(levels, self.scale)
        worst = _worst_kind((summary - self.centre) / self.spread, self.groups)
        views = _views(summary, worst, self.scale, self.groups)
        if len(self.view_centre) < views.shape[1]:
            views = views.reshape(len(views), 2, -1).mean(axis=2)
        standard = np.clip((views - self.view_centre) / self.view_spread, -_MOST_DEVIATIONS, _MOST_DEVIATIONS)
        highest = worst.max(axis=1)
        return [
            SecondLevels(score=score, groups=groups)
            for score, groups in zip(self._scores(standard), highest, strict=True)
        ]

    def _scores(self, standard: Levels) -> list[float]:
        if self.scale == "root":
            return [soft_maximum(views) for views in standard]
        fixed = _FIXED_WEIGHTS.get((self.scale, self.kinds))
        return _weighted(standard, fixed if self.shares is None else self.shares)

    def to_dict(self) -> dict[str, Any]:
        """Return the standardisation as plain lists, for calibration.json."""
        shares = {} if self.shares is None else {"shares": self.shares.tolist()}
        # Programs that know 16 groups only must still read the files of detectors that have 16.
        groups = {} if self.groups == SUB_BAND_GROUPS else {"groups": self.groups}
        return {
            "scale": self.scale,
            **{name: getattr(self, name).tolist() for name in _ARRAYS},
            **shares,
            **groups,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Pooling:
        """Read back what `to_dict` wrote.

        Raises:
            ModelError: a key is missing, a shape is off or a deviation is not positive.
        """
        try:
            scale, arrays = values["scale"], [np.array(values[k], dtype=np.float64) for k in _ARRAYS]
            shares = np.array(values["shares"], dtype=np.float64) if "shares" in values else None
            groups = values.get("groups", SUB_BAND_GROUPS)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ModelError(f"unreadable pooling: {error}", where="calibration.json") from error
        read = cls(scale, arrays[0], arrays[1], arrays[2], arrays[3], shares, groups)
        if (wrong := _wrong(read)) is not None:
            raise ModelError(wrong, where="calibration.json")
        return read


_ARRAYS = ("centre", "spread", "view_centre", "view_spread")


def fit_pooling(
    seconds: Sequence[npt.NDArray[Any]],
    scale: Scale,
    groups: int = SUB_BAND_GROUPS,
    shares: Sequence[float] | None = None,
) -> Pooling:
    """Fit the standardisation on held-out normal sound.

    Args:
        seconds: levels of each, [frames, kinds * groups].
        scale: of the levels.
        groups: sub-band groups of the levels.
        shares: weights of the kinds, which sum to one; by default fitted on the scale "count", and else fixed.
    """
    summaries = np.stack([summarise(levels, scale) for levels in seconds])
    centre, spread = summaries.mean(axis=0), summaries.std(axis=0) + _ADDED_DEVIATION[scale]
    views = _views(summaries, _worst_kind((summaries - centre) / spread, groups), scale, groups)
    view_centre, view_spread = views.mean(axis=0), views.std(axis=0) + _ADDED_VIEW_DEVIATION
    standard = (views - view_centre) / view_spread
    weights = None if shares is None else np.array(shares, dtype=np.float64)
    if weights is None and scale == "count":
        weights = _fisher_weights(summaries, standard, view_spread, groups)
    return Pooling(scale, centre, spread, view_centre, view_spread, weights, groups)


def summarise(levels: npt.NDArray[Any], scale: Scale) -> Levels:
    """Return the mean over frames and the mean of the loudest quarter, on the given scale.

    Args:
        levels: of one second, [frames, channels].
        scale: of the result.

    Returns:
        [2, channels].
    """
    summary: Levels = _summaries(levels[None], scale)[0]
    return summary


def _summaries(levels: npt.NDArray[Any], scale: Scale) -> Levels:
    """Return `summarise` of seconds of the same length, [n, 2, channels]."""
    values = np.ascontiguousarray(levels, dtype=np.float64)
    top = max(1, round(_TOP_FRAMES * values.shape[1]))
    both = np.stack([values.mean(axis=1), np.sort(values, axis=1)[:, -top:].mean(axis=1)], axis=1)
    return np.log(both + _FLOOR) if scale == "log" else np.sqrt(both)


def soft_maximum(values: npt.NDArray[np.float64]) -> float:
    """Return ``log mean exp``: near the maximum when one value stands out, near the mean when none does."""
    peak = float(values.max())
    # The C library's functions: NumPy's differ in the last bit between processors.
    return peak + math.log(math.fsum(math.exp(value - peak) for value in values.tolist()) / len(values))


def _weighted(views: Levels, weights: Sequence[float] | Levels | None) -> list[float]:
    """Average the views of kinds in both summaries, [n, 2 * kinds], or of the summaries alone, [n, 2]."""
    by_kind = views.reshape(len(views), 2, -1).mean(axis=1)
    if by_kind.shape[1] == 1:
        return [float(value) for value in by_kind[:, 0]]
    means: list[float] = np.average(by_kind, axis=1, weights=weights).tolist()
    return means


def _fisher_weights(summaries: Levels, standard: Levels, spread: Levels, groups: int) -> Levels | None:
    """Weights of the kinds by Fisher's linear discriminant between normal sound and a fault in one group.

    The fault is assumed to raise the count of one group by its own standard deviation, in every kind. Where the groups
    rise and fall together on normal sound, one of them moves their mean by little.

    Args:
        summaries: roots of counts on normal sound, [seconds, 2, kinds * groups].
        standard: standardised views of the same seconds, [seconds, 2 * kinds].
        spread: standard deviation of the views, [2 * kinds].
        groups: sub-band groups.
    """
    kinds = summaries.shape[2] // groups
    if kinds == 1:
        return None
    counts = (summaries**2).reshape(len(summaries), 2, kinds, groups)
    rise = counts.std(axis=0).mean(axis=2) / groups / (counts.mean(axis=(0, 3)) + _FLOOR)
    shift = (rise / spread.reshape(2, kinds)).mean(axis=0)
    by_kind = standard.reshape(-1, 2, kinds).mean(axis=1)
    moments = by_kind.T @ by_kind / len(by_kind) + _SHRINKAGE * np.eye(kinds)
    weights = np.maximum(np.linalg.solve(moments, shift), 0.0)
    return np.asarray(weights / weights.sum()) if weights.sum() > 0 else np.full(kinds, 1.0 / kinds)


def _worst_kind(deviation: Levels, groups: int) -> Levels:
    """Return the largest deviation over the kinds of each group, [n, 2, groups]."""
    worst: Levels = deviation.reshape(len(deviation), 2, -1, groups).max(axis=2)
    return worst


def _views(summary: Levels, worst: Levels, scale: Scale, groups: int) -> Levels:
    """Return the views of seconds, [n, views], from summaries [n, 2, channels]."""
    count = len(summary)
    if scale == "log":
        # Per kind the mean over groups, of errors and not of their logarithms.
        errors: Levels = np.log(np.exp(summary).reshape(count, 2, -1, groups).mean(axis=3)).reshape(count, -1)
        return errors
    if scale == "count":
        counts: Levels = (summary**2).reshape(count, 2, -1, groups).mean(axis=3)
        return np.log(counts + _FLOOR).reshape(count, -1)
    top = np.sort(worst, axis=2)[:, :, -_TOP_GROUPS:]
    both = np.stack([worst.mean(axis=2), top.mean(axis=2)], axis=2)
    return both.reshape(count, -1)


def _wrong(pooling: Pooling) -> str | None:
    """Return what is wrong with a pooling that was read from a file, or None."""
    centre, spread, view_centre, view_spread = (getattr(pooling, name) for name in _ARRAYS)
    groups: object = pooling.groups
    if isinstance(groups, bool) or not isinstance(groups, int) or groups < 1 or N_MELS % groups:
        return f"pooling has {groups!r} sub-band groups, no divisor of {N_MELS}"
    shaped = centre.ndim == 2 and centre.shape[0] == 2 and centre.shape[1] % groups == 0 and centre.size > 0
    if pooling.scale not in tuple(_ADDED_DEVIATION) or not shaped or spread.shape != centre.shape:
        return "pooling has a wrong shape or scale"
    shapes = _view_shapes(pooling.scale, pooling.kinds)
    if view_centre.shape not in shapes or view_spread.shape != view_centre.shape:
        return "pooling has a wrong shape or a deviation of zero"
    if min(spread.min(), view_spread.min()) <= 0:
        return "pooling has a wrong shape or a deviation of zero"
    if not all(np.isfinite(array).all() for array in (centre, spread, view_centre, view_spread)):
        return "pooling holds values that are not finite"
    shares = pooling.shares
    if shares is not None and not (
        shares.shape == (pooling.kinds,) and shares.min() >= 0 and abs(shares.sum() - 1) < 1e-6
    ):
        return "shares of the kinds of error do not add up to one"
    return None


def _view_shapes(scale: Scale, kinds: int) -> list[tuple[int]]:
    """Return the shapes that views may have; older bundles have other ones on the scale "log"."""
    if scale == "root":
        return [(4,)]
    return [(2 * kinds,), (2,)] if scale == "log" else [(2 * kinds,)]
