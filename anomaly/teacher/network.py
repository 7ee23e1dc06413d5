"""The teacher's network: kinds of error of a frame given the frames before it.

* *innovation*: the newest frame, which is masked from the network, less its prediction from the eight before it, in
  units of the predicted standard deviation. The network predicts both mean and variance: in a quiet moment of a noisy
  hall the variance is small, and errors count that a loud moment would hide. It detects modulation, rattle and knocks.
* *slow*: the mean of the signed innovations since the reset, or over the last seconds, whitened with the covariance
  that such means have on normal sound. Innovations scatter around zero, their mean hardly does: it detects a small
  steady shift that no single frame shows, and quiet moments, in which a shift is clearest, count most.
* *window*, only where the machine's cycle has phases, and in place of *slow*: the last frames together, relative to the
  phase that they are in, whitened with their full covariance. The mean over seconds would depend mainly on the duration
  of each phase.

Whitening is symmetric (ZCA): whitened components stay with their band, so errors can be averaged per sub-band
group, and the sum over all of them is the squared Mahalanobis distance.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.errors import ModelError
from anomaly.features.front_end import WARM_UP_FRAMES
from anomaly.teacher.phases import PhaseModel

# Kinds of error in the order of the outputs, and their weights in the score where they are not equal.
STEADY_KINDS = ("innovation", "slow")
PHASED_KINDS = ("window", "innovation")

# Bound of the predicted log variance: deviations beyond 4.5 times, or below a fifth of, the average one are overfitted.
MAX_LOG_VARIANCE = 3.0


@dataclass(frozen=True)
class TeacherSize:
    """Shape of the autoencoder.

    Args:
        bands: pooled mel bands, a multiple of the sub-band groups.
        past: frames from which the next is predicted, no more than the warm-up after a reset.
        window: frames whitened together, at most ``past + 1``.
        members: networks of the ensemble, trained separately; their predictions are averaged.
        hidden: width of the outer layers of each.
        bottleneck: width of its middle layer.

    Raises:
        ModelError: bands, past, window or members are out of range.
    """

    bands: int = 32
    past: int = 8
    window: int = 7
    members: int = 3
    hidden: int = 128
    bottleneck: int = 48

    def __post_init__(self) -> None:
        if self.bands < 1 or self.bands % SUB_BAND_GROUPS:
            raise ModelError(f"{self.bands} bands do not make {SUB_BAND_GROUPS} groups")
        if self.members < 1:
            raise ModelError(f"{self.members} members predict nothing")
        if not 1 <= self.past <= WARM_UP_FRAMES:
            raise ModelError(f"{self.past} frames of the past are not 1 to {WARM_UP_FRAMES}")
        if not 1 <= self.window <= self.past + 1:
            raise ModelError(f"a window of {self.window} frames is not 1 to {self.past + 1}")

    @property
    def context(self) -> int:
        """Frames of the teacher's input: the past and the newest."""
        return self.past + 1


class Member(nn.Module):
    """One network of the ensemble: from the past to corrections of mean and log variance, which start at zero."""

    def __init__(self, size: TeacherSize) -> None:
        super().__init__()
        self.encode = nn.Linear(size.past * size.bands, size.hidden)
        self.squeeze = nn.Linear(size.hidden, size.bottleneck)
        self.expand = nn.Linear(size.bottleneck, size.hidden)
        self.decode = nn.Linear(size.hidden, size.bands)
        self.spread = nn.Linear(size.hidden, size.bands)
        for last in (self.decode, self.spread):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, past: Tensor) -> tuple[Tensor, Tensor]:
        """Return corrections of mean and log variance, [n, bands] each, for standardised frames [n, past * bands]."""
        hidden = torch.relu(self.squeeze(torch.relu(self.encode(past))))
        hidden = torch.relu(self.expand(hidden))
        return self.decode(hidden), self.spread(hidden).clamp(-MAX_LOG_VARIANCE, MAX_LOG_VARIANCE)


class MaskedFrameAutoencoder(nn.Module):
    """Predicts the masked newest frame and its variance from the frames before it.

    The mean is a linear map plus the mean correction of the members. The linear part is the fixed ridge solution, the
    members start at zero: training starts from the best linear model of constant variance.
    """

    deviation: Tensor

    def __init__(self, size: TeacherSize) -> None:
        super().__init__()
        self.size = size
        self.linear = nn.Linear(size.past * size.bands, size.bands)
        self.stack = nn.ModuleList(Member(size) for _ in range(size.members))
        self.register_buffer("deviation", torch.ones(size.bands))

    @property
    def members(self) -> list[Member]:
        """Networks of the ensemble."""
        return [member for member in self.stack if isinstance(member, Member)]

    def forward(self, past: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean [n, bands] and log variance [n, bands], the latter relative to that of the linear start.

        Args:
            past: standardised frames, oldest first, [n, past * bands].
        """
        corrections, log_variances = zip(*(member(past) for member in self.members), strict=True)
        return self.linear(past) + torch.stack(corrections).mean(dim=0), torch.stack(log_variances).mean(
            dim=0
        )

    def innovation(self, windows: Tensor) -> Tensor:
        """Return the error of the newest frame in units of the predicted standard deviation, [n, bands].

        Args:
            windows: standardised, the newest frame last, [n, context, bands].
        """
        mean, log_variance = self(past_frames(windows))
        scaled: Tensor = (windows[:, -1] - mean) / self.deviation * torch.exp(-0.5 * log_variance)
        return scaled


def past_frames(windows: Tensor) -> Tensor:
    """Return all frames but the newest, flattened: [n, past * bands]."""
    return windows[:, :-1].flatten(1)


class Teacher(nn.Module):
    """Trained reference detector: an autoencoder predicts mel levels, and its whitened errors are the anomaly evidence.

    There is one error for each kind of prediction and each sub-band group.

    Args:
        autoencoder: the trained predictor.
        mean, deviation: of each band on training normals, [bands], hundredths of a decibel.
        innovation_whitening: mean [bands] and matrix [bands, bands].
        slow_whitening: of the mean whitened innovation over 1, 2, ... seconds: means [spans, bands] and matrices
            [spans, bands, bands]; None leaves this kind out.
        phases: of windows of standardised frames; None leaves the windows out.
        window_whitening: mean [window * bands] and matrix [window * bands, window * bands] of windows relative to
            their phase.

    Raises:
        ModelError: there are both phases and a slow kind, or neither, or phases without a whitening.
    """

    mean: Tensor
    deviation: Tensor
    innovation_mean: Tensor
    innovation_matrix: Tensor
    slow_mean: Tensor | None
    slow_matrix: Tensor | None
    window_mean: Tensor | None
    window_matrix: Tensor | None

    def __init__(
        self,
        autoencoder: MaskedFrameAutoencoder,
        mean: Tensor,
        deviation: Tensor,
        innovation_whitening: tuple[Tensor, Tensor],
        slow_whitening: tuple[Tensor, Tensor] | None,
        phases: PhaseModel | None = None,
        window_whitening: tuple[Tensor, Tensor] | None = None,
    ) -> None:
        super().__init__()
        if (phases is None) == (slow_whitening is None) or (phases is None) != (window_whitening is None):
            raise ModelError("a teacher has a slow kind of error, or phases and windows")
        self.autoencoder = autoencoder
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        self.phases = phases
        self.register_buffer("innovation_mean", innovation_whitening[0])
        self.register_buffer("innovation_matrix", innovation_whitening[1])
        self.register_buffer("slow_mean", slow_whitening and slow_whitening[0])
        self.register_buffer("slow_matrix", slow_whitening and slow_whitening[1])
        self.register_buffer("window_mean", window_whitening and window_whitening[0])
        self.register_buffer("window_matrix", window_whitening and window_whitening[1])

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of error, in the order of the outputs."""
        return STEADY_KINDS if self.phases is None else PHASED_KINDS

    @property
    def spans(self) -> int:
        """Seconds of the longest mean of innovations; 0 without the slow kind."""
        return 0 if self.slow_mean is None else len(self.slow_mean)

    def innovations(self, levels: Tensor) -> Tensor:
        """Return the signed, whitened innovations [n, bands] of windows [n, context, bands] of levels."""
        scaled = self.autoencoder.innovation((levels - self.mean) / self.deviation)
        return (scaled - self.innovation_mean) @ self.innovation_matrix

    def forward(self, levels: Tensor, recent: Tensor, seconds: int) -> Tensor:
        """Errors [n, kinds * groups] of the windows of one second.

        Args:
            levels: windows [n, context, bands] in hundredths of a decibel.
            recent: mean innovation of the seconds that the slow kind is for, [bands]; without that kind anything.
            seconds: their number, 1 to `spans`.
        """
        innovation = self._per_group(self.innovations(levels))
        if self.slow_mean is not None and self.slow_matrix is not None:
            white = (recent - self.slow_mean[seconds - 1]) @ self.slow_matrix[seconds - 1]
            return torch.cat([innovation, self._per_group(white[None]).expand(len(levels), -1)], dim=1)
        assert self.phases is not None
        assert self.window_mean is not None
        assert self.window_matrix is not None
        windows = (levels - self.mean) / self.deviation
        stacked = windows[:, -self.autoencoder.size.window :].flatten(1)
        white = (self.phases.residuals(stacked) - self.window_mean) @ self.window_matrix
        return torch.cat([self._per_group(white), innovation], dim=1)

    def _per_group(self, whitened: Tensor) -> Tensor:
        """Return the mean square per group, over the frames of a window too, [n, groups]."""
        shape = (len(whitened), -1, SUB_BAND_GROUPS, self.autoencoder.size.bands // SUB_BAND_GROUPS)
        return whitened.square().reshape(shape).mean(dim=(1, 3))
