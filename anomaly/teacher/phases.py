"""Phases of a machine's cycle, say a click, a flow and a rest, each with a normal sound of its own.

One Gaussian over all of them is too wide: between two clicks it accepts the level of a click. With phases, a window x
of frames is classified, and the residual from its phase's centre is whitened with one covariance::

    phase(x) = argmax_p log share_p - sum_i [(x_i - centre_pi)^2 / (2 spread_pi^2) + log spread_pi]
    residual(x) = (x - centre_phase) / spread_phase

Phases are fitted by k-means and a few rounds of hard assignment to diagonal Gaussians (classification EM; Celeux and
Govaert, 1992).

At unseen speeds phases can be a mistake: a pump sounds alike throughout its turn, its phases would be its speeds, and a
speed between them would belong to none. `phase_gain` tests that without labels: recordings are clustered by their mean
spectrum, each cluster is left out in turn, and the fit to the others has to predict it. A clear gain is required.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from anomaly.teacher.whitening import whitening

# Most phases that are fitted: from 32 on their number hardly matters on simulated valves (docs/student.md).
MAX_PHASES = 48
# Gain above that of machines without phases at a single speed, up to 0.024 nats of a band on simulated ones; machines
# with phases gain 0.05.
MIN_PHASE_GAIN_NATS = 0.03
# Fewest windows per phase on average; rare phases have fewer, and take their spread from all together.
_MIN_WINDOWS = 100
# Rounds of k-means, and of assignment to Gaussians.
_MEANS_ROUNDS, _SPREAD_ROUNDS = 20, 3
# Windows of the pooled spread that are added to each phase (an empirical Bayes prior).
_PRIOR_WINDOWS = 100.0
# Smallest variance of a standardised band in a phase: small deviations of constant bands are not anomalous.
_MIN_VARIANCE = 1e-3
# Clusters of recordings that are left out in turn: operating regimes such as speeds.
_REGIMES = 3


@dataclass(frozen=True, eq=False)
class PhaseModel:
    """Centres and spreads of the windows of each phase; neutral where there is only one phase.

    Args:
        centre: [phases, width], width being frames times bands of a standardised window.
        spread: standard deviation of each band, the same for every frame of a window, [phases, bands].
        log_share: logarithm of each phase's share of the windows, [phases], float64.
    """

    centre: Tensor
    spread: Tensor
    log_share: Tensor

    def __len__(self) -> int:
        return len(self.centre)

    @classmethod
    def single(cls, width: int, bands: int) -> PhaseModel:
        """Return the neutral model of a machine without phases."""
        return cls(torch.zeros(1, width), torch.ones(1, bands), torch.zeros(1, dtype=torch.float64))

    def classify(self, stacked: Tensor) -> Tensor:
        """Return the likeliest phase of each window [n, width], by its own spread.

        In double precision: rounding of large terms that cancel must not decide between two phases.
        """
        if len(self) == 1:
            return torch.zeros(len(stacked), dtype=torch.int64)
        square, linear, offset = self.discriminant()
        values = stacked.double()
        squares = values.square().reshape(len(values), -1, len(square)).sum(dim=1)
        which: Tensor = (squares @ square + values @ linear + offset).argmax(dim=1)
        return which

    def discriminant(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the terms of twice the log likelihood of each phase, float64: of squares, of values, constant."""
        centre, precision = self.centre.double(), self.spread.double().square().reciprocal()
        weighted = centre * precision.repeat(1, self._frames)
        offset = (
            2 * self.log_share - (centre * weighted).sum(dim=1) + self._frames * precision.log().sum(dim=1)
        )
        return -precision.T.contiguous(), 2 * weighted.T.contiguous(), offset

    def residuals(self, stacked: Tensor) -> Tensor:
        """Return the deviation of each window from the centre of its phase, in units of its spread, [n, width]."""
        phase = self.classify(stacked)
        return (stacked - self.centre[phase]) / self.spreads[phase]

    @property
    def spreads(self) -> Tensor:
        """Spread of every frame of a window, [phases, width]."""
        return self.spread.repeat(1, self._frames)

    @property
    def _frames(self) -> int:
        return self.centre.shape[1] // self.spread.shape[1]


def fit_phases(stacked: Tensor, bands: int, max_phases: int, seed: int) -> PhaseModel:
    """Fit phases to windows of normal sound, at most as many as there is sound for.

    Args:
        stacked: standardised windows, [n, frames * bands].
        bands: of a frame.
        max_phases: most phases; none or one is no phases.
        seed: of the initial centres.
    """
    count = min(max_phases, len(stacked) // _MIN_WINDOWS)
    if count < 2:
        return PhaseModel.single(stacked.shape[1], bands)
    nearest = _nearest(stacked, _kmeans(stacked, count, seed))
    phases = _fit_gaussians(stacked, nearest, count, bands)
    for _ in range(_SPREAD_ROUNDS):
        phases = _fit_gaussians(stacked, phases.classify(stacked), count, bands)
    return phases


def phase_gain(recordings: Sequence[Tensor], bands: int, max_phases: int, seed: int) -> float:
    """Compute by how much phases predict recordings unlike those of their fit better than one Gaussian.

    Args:
        recordings: standardised windows of each, [n, frames * bands].
        bands, max_phases, seed: as for `fit_phases`.

    Returns:
        Nats per band of a frame, mean over all windows, each with a fit without the recordings of its cluster.
    """
    means = torch.stack([windows.mean(dim=0) for windows in recordings])
    means = (means - means.mean(dim=0)) / means.std(dim=0, correction=0).clamp(min=1e-3)
    regime = _nearest(means, _kmeans(means, min(_REGIMES, len(means)), seed))
    gained, windows = 0.0, 0
    for own in range(_REGIMES):
        left_out = [one for one, kind in zip(recordings, regime, strict=True) if kind == own]
        fitted = [one for one, kind in zip(recordings, regime, strict=True) if kind != own]
        if left_out and fitted:
            known, new = torch.cat(fitted), torch.cat(left_out)
            single, phased = (_nll(known, new, bands, number, seed) for number in (1, max_phases))
            gained, windows = gained + float((single - phased).sum()), windows + len(new)
    return gained / max(windows, 1)


def _nll(known: Tensor, new: Tensor, bands: int, max_phases: int, seed: int) -> Tensor:
    """Compute the negative log likelihood per dimension of new windows, up to a constant, [n]."""
    phases = fit_phases(known, bands, max_phases, seed)
    mean, matrix = whitening(phases.residuals(known).numpy())
    phase = phases.classify(new)
    white = (phases.residuals(new) - mean) @ matrix
    scale = phases.spreads.double().log().sum(dim=1) - phases.log_share
    nats = 0.5 * white.double().square().sum(dim=1) + scale[phase] - torch.linalg.slogdet(matrix.double())[1]
    per_band: Tensor = nats / new.shape[1]
    return per_band


def _fit_gaussians(stacked: Tensor, phase: Tensor, count: int, bands: int) -> PhaseModel:
    """Fit centre and spread of every phase to its windows."""
    member = torch.nn.functional.one_hot(phase, count).to(stacked.dtype)
    windows = member.sum(dim=0)
    centre = (member.T @ stacked) / windows.clamp(min=1)[:, None]
    square = (stacked - centre[phase]).square()
    frames = stacked.shape[1] // bands
    own = (member.T @ square).reshape(count, frames, bands).mean(dim=1)
    pooled = square.mean(dim=0).reshape(frames, bands).mean(dim=0)
    variance = (own + _PRIOR_WINDOWS * pooled) / (windows + _PRIOR_WINDOWS)[:, None]
    log_share = ((windows.double() + 1) / (len(stacked) + count)).log()
    return PhaseModel(centre, variance.clamp(min=_MIN_VARIANCE).sqrt(), log_share)


def _kmeans(points: Tensor, count: int, seed: int) -> Tensor:
    """Return centres [count, width] of Lloyd's k-means from k-means++ (Arthur and Vassilvitskii, 2007)."""
    rng = np.random.default_rng([seed, 7])
    chosen = [int(rng.integers(len(points)))]
    distance = torch.full((len(points),), torch.inf)
    while len(chosen) < count:
        distance = torch.minimum(distance, (points - points[chosen[-1]]).square().sum(dim=1))
        weight = distance.double().numpy()
        total = float(weight.sum())
        chosen.append(
            int(rng.choice(len(points), p=weight / total) if total > 0 else rng.integers(len(points)))
        )
    centre = points[chosen].clone()
    for _ in range(_MEANS_ROUNDS):
        member = torch.nn.functional.one_hot(_nearest(points, centre), count).to(points.dtype)
        windows = member.sum(dim=0)
        centre = torch.where(
            windows[:, None] > 0, (member.T @ points) / windows.clamp(min=1)[:, None], centre
        )
    return centre


def _nearest(points: Tensor, centre: Tensor) -> Tensor:
    return (centre.square().sum(dim=1) - 2 * points @ centre.T).argmin(dim=1)
