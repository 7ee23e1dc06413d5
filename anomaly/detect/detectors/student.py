"""The student at work: delta encoder, the network decoded from the bitstream, spike counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.errors import ModelError
from anomaly.features.delta_encoder import DeltaCode, DeltaEncoder
from anomaly.features.mel import Centibels
from chip.network import Network
from chip.sim.imperfection import Imperfection
from chip.sim.simulator import Simulator


@dataclass
class Activity:
    """What running the network cost so far, all streams together."""

    steps: int = 0
    sop: int = 0
    spikes: int = 0
    input_spikes: int = 0
    saturations: int = 0


class StudentDetector:
    """Runs a compiled network on the chip simulator; its levels are spike counts per frame.

    Args:
        code: the delta encoder's settings.
        network: the decoded network; one input per band, outputs in the order kind, then group.
        v_sat: membrane limit of the chip.
        imperfection: what keeps the chip from being perfect; nothing without it.
        chip: which one of a series of imperfect chips.

    Raises:
        ModelError: encoder and network do not match.
    """

    name = "student"

    def __init__(
        self,
        code: DeltaCode,
        network: Network,
        v_sat: int,
        *,
        imperfection: Imperfection | None = None,
        chip: int = 0,
    ) -> None:
        if network.n_inputs != code.bands or network.n_outputs == 0 or network.n_outputs % SUB_BAND_GROUPS:
            raise ModelError(
                f"the network has {network.n_inputs} inputs and {network.n_outputs} outputs, "
                f"the encoder {code.bands} bands and {SUB_BAND_GROUPS} groups",
                where="network.bit",
                hint="train again",
            )
        self._code = code
        self._simulator = Simulator(network, v_sat=v_sat, engine="auto", imperfection=imperfection, chip=chip)
        self._imperfection, self._chip = imperfection, chip
        self._encoder = DeltaEncoder(code)
        self.activity = Activity()

    @property
    def bands(self) -> int:
        """Pooled mel bands it expects."""
        return self._code.bands

    @property
    def channels(self) -> int:
        """Kinds times groups of its error levels."""
        return self._simulator.network.n_outputs

    @property
    def network(self) -> Network:
        """The network that runs."""
        return self._simulator.network

    @property
    def micro_steps(self) -> int:
        """Steps of the chip per frame."""
        return self._code.micro_steps

    def reset(self, streams: int) -> None:
        """Begin parallel segments: references at the training mean, membranes at rest."""
        self._encoder = DeltaEncoder(self._code, streams)
        self._simulator.reset(streams)

    def fresh(self) -> StudentDetector:
        """The same student with a state, and an activity, of its own."""
        simulator = self._simulator
        return StudentDetector(
            self._code, simulator.network, simulator.v_sat, imperfection=self._imperfection, chip=self._chip
        )

    def push(self, levels: Centibels) -> npt.NDArray[Any]:
        """Take one second of levels [streams, frames, bands]; return spike counts [streams, frames, outputs]."""
        streams, frames, _ = levels.shape
        events = self._encoder.push(levels)
        steps = events.transpose(1, 2, 0, 3).reshape(frames * self._code.micro_steps, streams, self.bands)
        result = self._simulator.run(steps)
        self.activity.steps += len(steps) * streams
        self.activity.sop += result.sop
        self.activity.spikes += result.spikes
        self.activity.input_spikes += result.input_spikes
        self.activity.saturations += result.saturations
        counts = (
            result.outputs.reshape(frames, self._code.micro_steps, streams, -1).astype(np.int32).sum(axis=1)
        )
        levels_out: npt.NDArray[np.int32] = counts.transpose(1, 0, 2)
        return levels_out
