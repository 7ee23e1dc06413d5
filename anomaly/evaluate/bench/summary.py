"""Figures of a bench: AUC and others per set, differences between detectors, and the resolution of each test."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from anomaly.errors import InputError
from anomaly.evaluate.bench.rounds import Round, Rounds
from anomaly.evaluate.metrics.detection_metrics import Spread, auc, bootstrap, f1_ev, pauc

Floats = npt.NDArray[np.float64]
Interval = tuple[float, float]
_Figure = Callable[[npt.ArrayLike, npt.ArrayLike], float]


@dataclass(frozen=True)
class SetFigures:
    """Means over seeds, with 95 % intervals over recordings, normals included.

    Attributes:
        auc: area under the ROC curve.
        pauc: partial AUC where at most a tenth of normal sound raises an alarm.
        ci: interval of the AUC.
        pauc_ci: interval of the partial AUC.
        f1_ev: bounded F1-EV, expected F1 score of a threshold estimated from normal sound.
        faults: AUC of each kind of fault against all normals.
        fault_pauc, fault_f1_ev: the other figures of each kind of fault.
        conditions: AUC of the normals and anomalies of each condition.
        train_s: seconds of training, where the sets that share one count it once.
    """

    auc: float
    pauc: float
    ci: Interval
    pauc_ci: Interval
    f1_ev: float
    faults: dict[str, float]
    conditions: dict[str, float]
    train_s: float = 0.0
    fault_pauc: dict[str, float] = field(default_factory=dict)
    fault_f1_ev: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Resolution:
    """Resolution of a test: the smallest difference of AUC that it can show.

    Attributes:
        normals, anomalies: clips of each kind, of one seed.
        normal_recordings, anomalous_recordings: recordings of each kind.
        sd: standard deviation of an AUC over recordings: the median of the detectors.
        least: smallest difference between two detectors that is significant with 95 % confidence: 1.96
            standard deviations of their difference, the median of all pairs; None with a single detector.
    """

    normals: int
    anomalies: int
    normal_recordings: int
    anomalous_recordings: int
    sd: float
    least: float | None


@dataclass(frozen=True)
class DetectorDifference:
    """Difference of two detectors on the same clips in a paired bootstrap; ``p`` is two-sided, of no difference."""

    auc: float
    ci: Interval
    p: float
    pauc: float
    pauc_ci: Interval
    pauc_p: float

    @property
    def significant(self) -> int:
        """1 if the AUC is higher with 95 % confidence, -1 if it is lower, else 0."""
        return int(self.ci[0] > 0.0) - int(self.ci[1] < 0.0)


# set → level → detector → figures.
Results = dict[str, dict[str, dict[str, SetFigures]]]


def summarise_rounds(rounds: Rounds) -> Results:
    """Return the figures of every set, level and detector."""
    results: Results = {}
    for (name, level, detector), played in rounds.items():
        results.setdefault(name, {}).setdefault(level, {})[detector] = figures_of(played)
    return results


def figures_of(played: Sequence[Round]) -> SetFigures:
    """Figures of one detector on one test; the interval is that of the mean over seeds."""
    drawn = spread(played)
    kinds = sorted({kind for one in played for kind in one.faults if kind})
    places = sorted({place for one in played for place in one.conditions if place})
    return SetFigures(
        auc=_mean([auc(one.labels, one.scores) for one in played]),
        pauc=_mean([pauc(one.labels, one.scores) for one in played]),
        ci=_interval(drawn.auc),
        pauc_ci=_interval(drawn.pauc),
        f1_ev=_mean([_f1_ev(one.labels, one.scores) for one in played]),
        faults=_by_fault(auc, played, kinds),
        fault_pauc=_by_fault(pauc, played, kinds),
        fault_f1_ev=_by_fault(_f1_ev, played, kinds),
        conditions={place: _mean(areas) for place in places if (areas := _of_condition(played, place))},
        train_s=_mean([one.train_s for one in played]),
    )


def spread(played: Sequence[Round]) -> Spread:
    """AUC and partial AUC, means over seeds, of each draw of recordings; drawn alike for every detector.

    Seeds whose clips are of the same recordings share the draws.
    """
    drawn = [_drawn(*_key(one)) for one in played]
    return Spread(np.mean([d.auc for d in drawn], axis=0), np.mean([d.pauc for d in drawn], axis=0))


def difference(ours: Sequence[Round], theirs: Sequence[Round]) -> DetectorDifference:
    """Difference of AUC and partial AUC of two detectors on one test, with intervals of a paired bootstrap.

    Raises:
        InputError: they were not scored on the same clips.
    """
    return mean_difference([[(ours, theirs)]])


def mean_difference(sets: Sequence[Sequence[tuple[Sequence[Round], Sequence[Round]]]]) -> DetectorDifference:
    """The same over several sets: the mean over the levels of each, then over the sets.

    Args:
        sets: for each set, for each of its levels, our rounds and theirs.

    Raises:
        InputError: a pair was not scored on the same clips.
    """
    gaps = [[_paired_difference(ours, theirs) for ours, theirs in levels] for levels in sets]
    value = np.mean([np.mean([gap.value for gap in levels], axis=0) for levels in gaps], axis=0)
    drawn = np.mean([np.mean([gap.drawn for gap in levels], axis=0) for levels in gaps], axis=0)
    return DetectorDifference(
        auc=float(value[0]),
        ci=_interval(drawn[0]),
        p=_two_sided(drawn[0]),
        pauc=float(value[1]),
        pauc_ci=_interval(drawn[1]),
        pauc_p=_two_sided(drawn[1]),
    )


@dataclass(frozen=True, eq=False)
class _PairedDifference:
    """Differences of AUC and partial AUC: as they are [2], and in each draw [2, draws]."""

    value: Floats
    drawn: Floats


def _paired_difference(ours: Sequence[Round], theirs: Sequence[Round]) -> _PairedDifference:
    if [(one.labels, one.recordings) for one in ours] != [(one.labels, one.recordings) for one in theirs]:
        raise InputError("the detectors were not scored on the same clips")
    a, b = spread(ours), spread(theirs)
    pairs = list(zip(ours, theirs, strict=True))
    value = [_mean([of(o.labels, o.scores) - of(t.labels, t.scores) for o, t in pairs]) for of in (auc, pauc)]
    return _PairedDifference(np.array(value), np.stack([a.auc - b.auc, a.pauc - b.pauc]))


def resolution(by_detector: Mapping[str, Sequence[Round]]) -> Resolution:
    """Return the resolution of one test, from the spread of the detectors that were scored on it."""
    spreads = [spread(played).auc for played in by_detector.values()]
    pairs = [a - b for i, a in enumerate(spreads) for b in spreads[i + 1 :]]
    one = next(iter(by_detector.values()))[0]
    sound = {r for r, anomalous in zip(one.recordings, one.labels, strict=True) if not anomalous}
    faulty = {r for r, anomalous in zip(one.recordings, one.labels, strict=True) if anomalous}
    return Resolution(
        normals=one.labels.count(False),
        anomalies=one.labels.count(True),
        normal_recordings=len(sound),
        anomalous_recordings=len(faulty),
        sd=float(np.median([np.std(values) for values in spreads])),
        least=1.96 * float(np.median([np.std(values) for values in pairs])) if pairs else None,
    )


def _key(one: Round) -> tuple[tuple[bool, ...], tuple[float, ...], tuple[str, ...]]:
    return tuple(one.labels), tuple(one.scores), tuple(one.recordings)


@lru_cache(maxsize=4096)
def _drawn(labels: tuple[bool, ...], scores: tuple[float, ...], recordings: tuple[str, ...]) -> Spread:
    # Other recordings are drawn otherwise: seeds that have recordings of their own are independent.
    return bootstrap(labels, scores, recordings, seed=zlib.crc32("\0".join(recordings).encode()))


def _f1_ev(labels: npt.ArrayLike, scores: npt.ArrayLike) -> float:
    return f1_ev(labels, scores, bounded=True)


def _by_fault(figure: _Figure, played: Sequence[Round], kinds: Sequence[str]) -> dict[str, float]:
    """A figure of each kind of fault against all normals, mean over seeds."""
    return {kind: _mean([_of_fault(figure, one, kind) for one in played]) for kind in kinds}


def _of_fault(figure: _Figure, one: Round, kind: str) -> float:
    chosen = [not a or f == kind for a, f in zip(one.labels, one.faults, strict=True)]
    return figure(np.asarray(one.labels)[chosen], np.asarray(one.scores)[chosen])


def _of_condition(played: Sequence[Round], place: str) -> list[float]:
    found = []
    for one in played:
        chosen = np.array([condition == place for condition in one.conditions])
        labels = np.asarray(one.labels)[chosen]
        if labels.any() and not labels.all():
            found.append(auc(labels, np.asarray(one.scores)[chosen]))
    return found


def _interval(values: Floats) -> Interval:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def _two_sided(differences: Floats) -> float:
    """Twice the share of draws on the rarer side of zero, ties on both, never less than one draw."""
    below, above = float((differences <= 0).mean()), float((differences >= 0).mean())
    return min(1.0, 2.0 * max(min(below, above), 1.0 / len(differences)))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
