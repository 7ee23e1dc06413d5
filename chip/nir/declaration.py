"""Declaration of one difference between a NIR graph and its network on the chip."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from chip.naming import shown

__all__ = ["Declaration"]


@dataclass(frozen=True)
class Declaration:
    """One difference between NIR and the chip.

    Args:
        node: its name in the NIR graph; "graph" for all of it.
        about: reset, leak, filter, weights, threshold, sign, saturation, bias, readout, delay, batch or time.
        words: what was quantised, added or left out.
        exact: whether the spikes stay the same.
    """

    node: str
    about: str
    words: str
    exact: bool

    def __str__(self) -> str:
        return f"{shown(self.node)}: {self.about}: {self.words}"

    def to_dict(self) -> dict[str, Any]:
        """Return the declaration as plain values."""
        return asdict(self) | {"node": shown(self.node)}
