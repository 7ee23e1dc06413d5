"""From error levels per frame and sub-band group to one score per second.

Both detectors deliver the same thing: levels [frames, kinds * groups]. A *kind* is one way of being
wrong (against other bands, against earlier frames, ...). A second is summarised by the mean over its
frames and by the mean of its loudest quarter, so that a steady hum and a single knock both count. No label
decides what counts more; what the levels are does:

* "log", whitened errors: their sum is a squared Mahalanobis distance, to which every group adds what it
  knows. A view for each kind in both summaries, the mean over all groups; the score is their weighted average. Of
  the teacher's three kinds two hear a change of level, each in its way, and one hears everything else, so that
  one counts as much as both. Where there is no slow kind, the two that are left count alike.
* "count", spikes of comparators that count what lies beyond several heights, and so stand for squared errors:
  views as of "log"; groups are standardised by the root of their counts, whose scatter is alike at any height. How much
  each kind weighs follows from normal sound: as much as makes a fault in a single group stand out most.
* "root", spike counts as older bundles have them: each group is standardised on held-out normal sound, the worst
  kind speaks for the group. Four views, mean and top four of the groups in both summaries; the score is their
  soft maximum, log mean exp.

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

Levels = npt.NDArray[np.float64]
Scale = Literal["log", "count", "root"]

# Sub-band groups of the built-in detectors, as old bundles have them: each holds 8 of the 128 mel bands.
SUB_BAND_GROUPS = 16
_TOP_GROUPS = 4
_TOP_FRAMES = 0.25
# Of the teacher's kinds: window, innovation, slow. Without the slow one they count alike, as do a student's of old.
_SHARES: dict[tuple[Scale, int], tuple[float, ...]] = {("log", 3): (0.25, 0.5, 0.25)}
# Added before the logarithm, so that silence of an error is not minus infinity.
_FLOOR = 1e-3
# Added to the moments of views: few seconds know little of how kinds go together.
_SHRINKAGE = 0.05
# A view beyond this many deviations is as bad as it gets; the bound keeps exp() finite.
_WORST = 60.0
# Standard deviations below these are luck of few held-out seconds, not knowledge.
_LEAST_DEVIATION: dict[Scale, float] = {"log": 0.02, "count": 0.05, "root": 0.05}


@dataclass(frozen=True)
class SecondLevels:
    """One second, summarised.

    Args:
        score: the views in one, in standard deviations of normal sound.
        groups: error level of each sub-band group, [groups], in standard deviations of normal sound.
    """

    score: float
    groups: Levels


@dataclass(frozen=True, eq=False)
class Pooling:
    """The standardisation, learned on held-out normal sound.

    Args:
        scale: "log" for whitened errors (chi-squared like), "count" or, of old, "root" for spikes (Poisson like).
        centre: mean of each summary, [2, kinds * groups].
        spread: standard deviation of each summary, same shape.
        view_centre: mean of the views, [2 * kinds], [4] on the scale "root". Of old on "log" [2]: the
            kinds' average in both summaries.
        view_spread: their standard deviation, same shape.
        shares: of the kinds in the score, [kinds]; None for those that are fixed, and of old.
    """

    scale: Scale
    centre: Levels
    spread: Levels
    view_centre: Levels
    view_spread: Levels
    shares: Levels | None = None

    @property
    def kinds(self) -> int:
        """How many ways of being wrong each group has."""
        return int(self.centre.shape[1]) // SUB_BAND_GROUPS

    def second(self, levels: npt.NDArray[Any]) -> SecondLevels:
        """Pool one second of levels [frames, kinds * groups]; frames of a warm-up are left out by the caller."""
        summary = summarise(levels, self.scale)
        worst = _worst_kind((summary - self.centre) / self.spread)
        views = _views(summary, worst, self.scale)
        if len(self.view_centre) < len(views):
            views = views.reshape(2, -1).mean(axis=1)
        standard = np.clip((views - self.view_centre) / self.view_spread, -_WORST, _WORST)
        if self.scale == "root":
            score = soft_maximum(standard)
        else:
            score = _weighted(
                standard, _SHARES.get((self.scale, self.kinds)) if self.shares is None else self.shares
            )
        return SecondLevels(score=score, groups=worst.max(axis=0))

    def to_dict(self) -> dict[str, Any]:
        """As plain lists, for calibration.json."""
        arrays = ("centre", "spread", "view_centre", "view_spread")
        shares = {} if self.shares is None else {"shares": self.shares.tolist()}
        return {"scale": self.scale, **{name: getattr(self, name).tolist() for name in arrays}, **shares}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Pooling:
        """Read back what `to_dict` wrote.

        Raises:
            ModelError: a key is missing, a shape is off or a deviation is not positive.
        """
        try:
            scale, arrays = values["scale"], [np.array(values[k], dtype=np.float64) for k in _ARRAYS]
            shares = np.array(values["shares"], dtype=np.float64) if "shares" in values else None
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ModelError(f"unreadable pooling: {error}", where="calibration.json") from error
        centre, spread, view_centre, view_spread = arrays
        sound = (
            centre.ndim == 2
            and centre.shape[0] == 2
            and centre.shape[1] % SUB_BAND_GROUPS == 0
            and centre.size > 0
        )
        if scale not in tuple(_LEAST_DEVIATION) or not sound or spread.shape != centre.shape:
            raise ModelError("pooling has a wrong shape or scale", where="calibration.json")
        if (
            view_centre.shape not in _shapes(scale, centre.shape[1] // SUB_BAND_GROUPS)
            or view_spread.shape != view_centre.shape
            or min(spread.min(), view_spread.min()) <= 0
        ):
            raise ModelError("pooling has a wrong shape or a deviation of zero", where="calibration.json")
        if not all(np.isfinite(a).all() for a in arrays):
            raise ModelError("pooling holds values that are not finite", where="calibration.json")
        if shares is not None and not (
            shares.shape == (centre.shape[1] // SUB_BAND_GROUPS,)
            and shares.min() >= 0
            and abs(shares.sum() - 1) < 1e-6
        ):
            raise ModelError("shares of the kinds of error do not add up to one", where="calibration.json")
        return cls(scale, centre, spread, view_centre, view_spread, shares)


_ARRAYS = ("centre", "spread", "view_centre", "view_spread")


def fit_pooling(seconds: Sequence[npt.NDArray[Any]], scale: Scale) -> Pooling:
    """Learn the standardisation from seconds of held-out normal sound, each [frames, kinds * groups]."""
    summaries = np.stack([summarise(levels, scale) for levels in seconds])
    centre, spread = summaries.mean(axis=0), summaries.std(axis=0) + _LEAST_DEVIATION[scale]
    views = np.stack([_views(s, _worst_kind((s - centre) / spread), scale) for s in summaries])
    view_centre, view_spread = views.mean(axis=0), views.std(axis=0) + 1e-3
    shares = (
        _best_shares(summaries, (views - view_centre) / view_spread, view_spread)
        if scale == "count"
        else None
    )
    return Pooling(scale, centre, spread, view_centre, view_spread, shares)


def summarise(levels: npt.NDArray[Any], scale: Scale) -> Levels:
    """Mean over frames and mean of the loudest quarter, [2, channels], on the given scale."""
    values = np.ascontiguousarray(levels, dtype=np.float64)
    top = max(1, round(_TOP_FRAMES * len(values)))
    both = np.stack([values.mean(axis=0), np.sort(values, axis=0)[-top:].mean(axis=0)])
    return np.log(both + _FLOOR) if scale == "log" else np.sqrt(both)


def soft_maximum(values: npt.NDArray[np.float64]) -> float:
    """``log mean exp``: near the maximum when one stands out, near the mean when none does."""
    peak = float(values.max())
    # The C library's functions: NumPy's differ in the last bit between processors.
    return peak + math.log(math.fsum(math.exp(value - peak) for value in values.tolist()) / len(values))


def _weighted(views: Levels, shares: Sequence[float] | Levels | None) -> float:
    """The average of the views of kinds in both summaries, [2 * kinds], or of the summaries alone, [2]."""
    by_kind = views.reshape(2, -1).mean(axis=0)
    return float(np.average(by_kind, weights=None if len(by_kind) == 1 else shares))


def _best_shares(summaries: Levels, standard: Levels, spread: Levels) -> Levels | None:
    """Shares of the kinds by which a fault in one group stands out most from normal sound (Fisher's discriminant).

    A fault raises the count of a group by its own standard deviation, in every kind. Where groups rise and fall
    together on normal sound, as with a hall that comes and goes, one of them moves their mean by little.

    Args:
        summaries: roots of counts on normal sound, [seconds, 2, kinds * groups].
        standard, spread: views of the same seconds, standardised, [seconds, 2 * kinds], and what by, [2 * kinds].
    """
    kinds = summaries.shape[2] // SUB_BAND_GROUPS
    if kinds == 1:
        return None
    counts = (summaries**2).reshape(len(summaries), 2, kinds, SUB_BAND_GROUPS)
    rise = counts.std(axis=0).mean(axis=2) / SUB_BAND_GROUPS / (counts.mean(axis=(0, 3)) + _FLOOR)
    moved = (rise / spread.reshape(2, kinds)).mean(axis=0)
    by_kind = standard.reshape(-1, 2, kinds).mean(axis=1)
    together = by_kind.T @ by_kind / len(by_kind) + _SHRINKAGE * np.eye(kinds)
    shares = np.maximum(np.linalg.solve(together, moved), 0.0)
    return np.asarray(shares / shares.sum()) if shares.sum() > 0 else np.full(kinds, 1.0 / kinds)


def _shapes(scale: Scale, kinds: int) -> list[tuple[int]]:
    if scale == "root":
        return [(4,)]
    return [(2 * kinds,), (2,)] if scale == "log" else [(2 * kinds,)]


def _worst_kind(deviation: Levels) -> Levels:
    """The worst kind of each group, [2, groups]."""
    worst: Levels = deviation.reshape(2, -1, SUB_BAND_GROUPS).max(axis=1)
    return worst


def _views(summary: Levels, worst: Levels, scale: Scale) -> Levels:
    if scale == "log":
        # Per kind the mean over groups, of errors and not of their logarithms.
        whole: Levels = np.log(np.exp(summary).reshape(2, -1, SUB_BAND_GROUPS).mean(axis=2)).ravel()
        return whole
    if scale == "count":
        counted: Levels = np.log((summary**2).reshape(2, -1, SUB_BAND_GROUPS).mean(axis=2) + _FLOOR).ravel()
        return counted
    top = np.sort(worst, axis=1)[:, -_TOP_GROUPS:]
    return np.array([worst[0].mean(), top[0].mean(), worst[1].mean(), top[1].mean()])
