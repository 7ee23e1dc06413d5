"""The phases of a machine's cycle: a click, a flow, a rest. Each has a normal sound of its own.

One Gaussian over all of them is blurred: between two clicks it forgives what a click would. With phases, a window of
frames is held against the centre and the spread of the phase it is in, and only what is left is whitened with
one covariance. Phases are found by k-means and a few rounds of hard assignment to diagonal Gaussians.

At speeds never heard they can be a mistake: a pump sounds alike throughout its turn, its phases would be its speeds,
and a speed between them would be in none. `phase_gain` imitates that, without a label: kinds of recordings are left
out in turn, by their mean spectrum, and what was fitted on the others has to foretell them. A clear gain is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from anomaly.teacher.whitening import whitening

MAX_PHASES = 48
# More than chance makes of a machine that sounds alike throughout its turn, at a single speed: up to 0.024 nats of a
# band on simulated machines. Phases that are there gain 0.05.
MIN_PHASE_GAIN_NATS = 0.03
# So many windows a phase on the mean at least; rare phases have fewer, and lean on the spread of all together.
_LEAST_WINDOWS = 100
_MEANS_ROUNDS, _SPREAD_ROUNDS = 20, 3
# The spread of all phases together counts as so many windows of each.
_PRIOR_WINDOWS = 100.0
# Of a standardised band: what hardly ever moves need not stand still for that.
_LEAST_VARIANCE = 1e-3
_REGIMES = 3


@dataclass(frozen=True, eq=False)
class PhaseModel:
    """Centres and spreads of the windows of each phase; all that one Gaussian needs where there is only one.

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
    def none(cls, width: int, bands: int) -> PhaseModel:
        """A machine that always sounds alike."""
        return cls(torch.zeros(1, width), torch.ones(1, bands), torch.zeros(1, dtype=torch.float64))

    def of(self, stacked: Tensor) -> Tensor:
        """The likeliest phase of each window [n, width], by its own spread.

        In double precision: what is added and taken away again must not decide between two.
        """
        if len(self) == 1:
            return torch.zeros(len(stacked), dtype=torch.int64)
        square, linear, offset = self.decision()
        given = stacked.double()
        squares = given.square().reshape(len(given), -1, len(square)).sum(dim=1)
        which: Tensor = (squares @ square + given @ linear + offset).argmax(dim=1)
        return which

    def decision(self) -> tuple[Tensor, Tensor, Tensor]:
        """Twice the log likelihood of each phase: what squares of a band, values and one add to it, float64."""
        centre, precision = self.centre.double(), self.spread.double().square().reciprocal()
        weighed = centre * precision.repeat(1, self._frames)
        offset = (
            2 * self.log_share - (centre * weighed).sum(dim=1) + self._frames * precision.log().sum(dim=1)
        )
        return -precision.T.contiguous(), 2 * weighed.T.contiguous(), offset

    def apart(self, stacked: Tensor) -> Tensor:
        """How far each window is off the centre of its phase, in units of its spread, [n, width]."""
        which = self.of(stacked)
        return (stacked - self.centre[which]) / self.spreads[which]

    @property
    def spreads(self) -> Tensor:
        """The spread of every frame of a window, [phases, width]."""
        return self.spread.repeat(1, self._frames)

    @property
    def _frames(self) -> int:
        return self.centre.shape[1] // self.spread.shape[1]


def fit_phases(stacked: Tensor, bands: int, most: int, seed: int) -> PhaseModel:
    """Find phases in windows of normal sound; at most as many as there is sound for.

    Args:
        stacked: standardised windows, [n, frames * bands].
        bands: of a frame.
        most: how many phases to look for; none or one is no phases.
        seed: of the first centres.
    """
    count = min(most, len(stacked) // _LEAST_WINDOWS)
    if count < 2:
        return PhaseModel.none(stacked.shape[1], bands)
    which = _nearest(stacked, _centres(stacked, count, seed))
    phases = _described(stacked, which, count, bands)
    for _ in range(_SPREAD_ROUNDS):
        phases = _described(stacked, phases.of(stacked), count, bands)
    return phases


def phase_gain(recordings: Sequence[Tensor], bands: int, most: int, seed: int) -> float:
    """By how much phases foretell windows of recordings unlike those they were fitted on better than one Gaussian.

    Args:
        recordings: standardised windows of each, [n, frames * bands].
        bands, most, seed: as for `fit_phases`.

    Returns:
        Nats per band of a frame, mean over all windows, each judged by a fit without the recordings that sound like it.
    """
    means = torch.stack([windows.mean(dim=0) for windows in recordings])
    means = (means - means.mean(dim=0)) / means.std(dim=0, correction=0).clamp(min=1e-3)
    regime = _nearest(means, _centres(means, min(_REGIMES, len(means)), seed))
    gained, windows = 0.0, 0
    for own in range(_REGIMES):
        unheard = [one for one, kind in zip(recordings, regime, strict=True) if kind == own]
        heard = [one for one, kind in zip(recordings, regime, strict=True) if kind != own]
        if unheard and heard:
            known, new = torch.cat(heard), torch.cat(unheard)
            alone, apart = (_surprise(known, new, bands, number, seed) for number in (1, most))
            gained, windows = gained + float((alone - apart).sum()), windows + len(new)
    return gained / max(windows, 1)


def _surprise(known: Tensor, new: Tensor, bands: int, most: int, seed: int) -> Tensor:
    """Negative log likelihood per dimension of new windows, up to a constant, [n]."""
    phases = fit_phases(known, bands, most, seed)
    mean, matrix = whitening(phases.apart(known).numpy())
    which = phases.of(new)
    left = (phases.apart(new) - mean) @ matrix
    scale = phases.spreads.double().log().sum(dim=1) - phases.log_share
    nats = 0.5 * left.double().square().sum(dim=1) + scale[which] - torch.linalg.slogdet(matrix.double())[1]
    per_band: Tensor = nats / new.shape[1]
    return per_band


def _described(stacked: Tensor, which: Tensor, count: int, bands: int) -> PhaseModel:
    """Centre and spread of every phase, given which windows are in it."""
    member = torch.nn.functional.one_hot(which, count).to(stacked.dtype)
    windows = member.sum(dim=0)
    centre = (member.T @ stacked) / windows.clamp(min=1)[:, None]
    square = (stacked - centre[which]).square()
    frames = stacked.shape[1] // bands
    own = (member.T @ square).reshape(count, frames, bands).mean(dim=1)
    usual = square.mean(dim=0).reshape(frames, bands).mean(dim=0)
    variance = (own + _PRIOR_WINDOWS * usual) / (windows + _PRIOR_WINDOWS)[:, None]
    log_share = ((windows.double() + 1) / (len(stacked) + count)).log()
    return PhaseModel(centre, variance.clamp(min=_LEAST_VARIANCE).sqrt(), log_share)


def _centres(points: Tensor, count: int, seed: int) -> Tensor:
    """Lloyd's k-means from far apart points (k-means++, Arthur and Vassilvitskii 2007), [count, width]."""
    rng = np.random.default_rng([seed, 7])
    chosen = [int(rng.integers(len(points)))]
    apart = torch.full((len(points),), torch.inf)
    while len(chosen) < count:
        apart = torch.minimum(apart, (points - points[chosen[-1]]).square().sum(dim=1))
        weight = apart.double().numpy()
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
