"""The teacher's network: what a frame should be, given its neighbours and its own other bands.

Two kinds of error, each whitened with its full covariance and averaged per sub-band group:

* *frame*: the standardised frame itself, so that a steady change of spectrum is heard;
* *context*: the centre frame minus its prediction from the frames around it (the centre is masked),
  so that modulation, rattle and knocks are heard.

Whitening is symmetric (ZCA): whitened components stay with their band, and the sum over all of them is
the squared Mahalanobis distance.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from anomaly.detect.pooling import GROUPS
from anomaly.errors import ModelError
from anomaly.features.front_end import WARM_UP_FRAMES

KINDS = ("frame", "context")


@dataclass(frozen=True)
class TeacherSize:
    """Shape of the autoencoder.

    Args:
        bands: pooled mel bands, a multiple of the sub-band groups.
        context: frames of a window, odd, no longer than the warm-up after a reset hides; the middle one is
            predicted from the others.
        hidden: width of the outer layers.
        bottleneck: width of the middle layer.

    Raises:
        ModelError: bands or context are not as said above.
    """

    bands: int = 32
    context: int = 5
    hidden: int = 256
    bottleneck: int = 48

    def __post_init__(self) -> None:
        if self.bands < 1 or self.bands % GROUPS:
            raise ModelError(f"{self.bands} bands do not make {GROUPS} groups")
        if self.context % 2 == 0 or not 3 <= self.context <= WARM_UP_FRAMES + 1:
            raise ModelError(
                f"a context of {self.context} frames is not odd, or not 3 to {WARM_UP_FRAMES + 1}"
            )


class MaskedFrameAutoencoder(nn.Module):
    """Predicts the centre frame: a linear map of the neighbours plus what a bottleneck adds to it.

    The linear part starts as the ridge solution and the bottleneck's last layer at zero, so training
    starts from the best linear model and not from noise.
    """

    def __init__(self, size: TeacherSize) -> None:
        super().__init__()
        self.size = size
        given = (size.context - 1) * size.bands
        self.linear = nn.Linear(given, size.bands)
        self.encode = nn.Linear(given, size.hidden)
        self.squeeze = nn.Linear(size.hidden, size.bottleneck)
        self.expand = nn.Linear(size.bottleneck, size.hidden)
        self.decode = nn.Linear(size.hidden, size.bands)
        nn.init.zeros_(self.decode.weight)
        nn.init.zeros_(self.decode.bias)

    def forward(self, windows: Tensor) -> Tensor:
        """Predict centre frames [n, bands] from standardised windows [n, context, bands]."""
        given = neighbours(windows)
        hidden = torch.relu(self.squeeze(torch.relu(self.encode(given))))
        predicted: Tensor = self.linear(given) + self.decode(torch.relu(self.expand(hidden)))
        return predicted


def neighbours(windows: Tensor) -> Tensor:
    """The frames around the centre, flattened: [n, (context - 1) * bands]."""
    middle = windows.shape[1] // 2
    return torch.cat([windows[:, :middle], windows[:, middle + 1 :]], dim=1).flatten(1)


class Teacher(nn.Module):
    """Autoencoder, standardisation and whitening in one: levels in, error per kind and group out.

    Args:
        autoencoder: the trained predictor.
        mean, deviation: of each band on training normals, [bands], hundredths of a decibel.
        frame_whitening, context_whitening: pairs (mean [bands], matrix [bands, bands]).
    """

    mean: Tensor
    deviation: Tensor
    frame_mean: Tensor
    frame_matrix: Tensor
    context_mean: Tensor
    context_matrix: Tensor

    def __init__(
        self,
        autoencoder: MaskedFrameAutoencoder,
        mean: Tensor,
        deviation: Tensor,
        frame_whitening: tuple[Tensor, Tensor],
        context_whitening: tuple[Tensor, Tensor],
    ) -> None:
        super().__init__()
        self.autoencoder = autoencoder
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        self.register_buffer("frame_mean", frame_whitening[0])
        self.register_buffer("frame_matrix", frame_whitening[1])
        self.register_buffer("context_mean", context_whitening[0])
        self.register_buffer("context_matrix", context_whitening[1])

    def forward(self, levels: Tensor) -> Tensor:
        """Errors [n, 2 * GROUPS] of windows [n, context, bands] in hundredths of a decibel."""
        windows = (levels - self.mean) / self.deviation
        centre = windows[:, windows.shape[1] // 2]
        frame = (centre - self.frame_mean) @ self.frame_matrix
        context = (centre - self.autoencoder(windows) - self.context_mean) @ self.context_matrix
        return torch.cat([_per_group(frame), _per_group(context)], dim=1)


def _per_group(whitened: Tensor) -> Tensor:
    return (whitened * whitened).reshape(len(whitened), GROUPS, -1).mean(dim=2)
