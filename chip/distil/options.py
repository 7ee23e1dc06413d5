"""Options of a conversion, and its report of progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from chip.errors import ChipError

__all__ = ["ConversionOptions", "Progress", "Start"]

Progress = Callable[[str, float], None]
"""Receives the name of a stage and the completed share of it."""
Start = Literal["teacher", "random"]
_MAX_STEPS = 1024


@dataclass(frozen=True)
class ConversionOptions:
    """Settings of a conversion.

    Args:
        steps: steps of the input code; None to choose by held-out loss.
        max_neurons: neurons the network may have; None for those of the chip.
        training_steps: gradient steps of each candidate.
        spike_steps: gradient steps after these whose forward pass is the exact simulation.
        start: weights of the network, or random ones.
        teacher_share: weight of the network's outputs against the labels, if there are any.
        candidates: compare candidates on held-out data; False takes the first.
        seed: of all that is random.

    Raises:
        ChipError: a setting is out of range.
    """

    steps: int | None = None
    max_neurons: int | None = None
    training_steps: int = 1200
    spike_steps: int = 200
    start: Start = "teacher"
    teacher_share: float = 0.9
    candidates: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps is not None and not 2 <= self.steps <= _MAX_STEPS:
            raise ChipError(f"is {self.steps}, not within 2..{_MAX_STEPS}", where="steps")
        if self.max_neurons is not None and self.max_neurons < 1:
            raise ChipError(f"is {self.max_neurons}, not at least 1", where="max_neurons")
        if min(self.training_steps, self.spike_steps) < 0 or not 0 <= self.teacher_share <= 1:
            raise ChipError("must not be negative, nor the share above 1", where="training")
