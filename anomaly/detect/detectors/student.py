"""Student detector: delta encoder, spiking network decoded from the bitstream, spike counts per frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anomaly.audio.compiled import compiled_kernels
from anomaly.bundle import Bundle
from anomaly.bundle.parts import ARCH, BITSTREAM, read_calibration
from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.errors import ModelError
from anomaly.features.delta_encoder import DeltaCode, DeltaEncoder
from anomaly.features.mel import Centibels
from chip.arch import ArchSpec, load_arch
from chip.bitstream import decode
from chip.errors import ChipError
from chip.network import Network
from chip.sim.imperfection import Imperfection
from chip.sim.simulator import EngineName, Simulator


@dataclass
class Activity:
    """Operations of the network since it was loaded, over all streams."""

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
        imperfection: noise, mismatch and faults of the simulated chip; none by default.
        chip: number of the chip in a series of imperfect ones.

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
        engine: EngineName = "compiled" if compiled_kernels.are_loaded() else "auto"
        self._simulator = Simulator(network, v_sat=v_sat, engine=engine, imperfection=imperfection, chip=chip)
        self._imperfection, self._chip = imperfection, chip
        self._encoder = DeltaEncoder(code)
        self.activity = Activity()

    @property
    def bands(self) -> int:
        """Number of pooled mel bands in its input."""
        return self._code.bands

    @property
    def channels(self) -> int:
        """Number of error levels per frame: kinds times groups."""
        return self._simulator.network.n_outputs

    @property
    def network(self) -> Network:
        """Network that the simulator runs."""
        return self._simulator.network

    @property
    def micro_steps(self) -> int:
        """Time steps of the chip per frame."""
        return self._code.micro_steps

    def reset(self, streams: int) -> None:
        """Start parallel segments: references at the training mean, membranes at rest."""
        self._encoder = DeltaEncoder(self._code, streams)
        self._simulator.reset(streams)

    def fresh(self) -> StudentDetector:
        """Return the same student with a state, and operation counts, of its own."""
        simulator = self._simulator
        return StudentDetector(
            self._code, simulator.network, simulator.v_sat, imperfection=self._imperfection, chip=self._chip
        )

    def push(self, levels: Centibels) -> npt.NDArray[Any]:
        """Return the spike counts [streams, frames, outputs] of one second of levels [streams, frames, bands]."""
        streams, frames, _ = levels.shape
        steps = self._encoder.steps(levels)
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


def load(bundle: Bundle) -> StudentDetector:
    """Load the student of a bundle: the network is decoded from the bitstream, as the chip would run it.

    Raises:
        ModelError: a part is unreadable, or does not fit the others.
    """
    arch = _arch(bundle)
    try:
        network = decode(bundle.read(BITSTREAM), arch)
    except ChipError as error:
        raise ModelError(error.message, where=bundle.path / BITSTREAM, hint=error.hint) from error
    return StudentDetector(DeltaCode.from_dict(read_calibration(bundle).get("encoder")), network, arch.v_sat)


def _arch(bundle: Bundle) -> ArchSpec:
    # Checks the bytes; the specification is read by its path, because it may name others beside it.
    bundle.read(ARCH)
    try:
        return load_arch(bundle.path / ARCH)
    except ChipError as error:
        raise ModelError(error.message, where=bundle.path / ARCH, hint=error.hint) from error
