"""Limits that a chip sets to the neurons of a student."""

from __future__ import annotations

from dataclasses import dataclass

from chip.arch import ArchSpec


@dataclass(frozen=True)
class NeuronLimits:
    """Limits of one neuron that construction and training of a student must keep.

    Args:
        fan_in: synapses that end at a neuron.
        weight_max: largest magnitude of a synapse.
        threshold_max: largest threshold.
        v_sat: membrane limit.
        fan_out: synapses that one input or neuron may reach.
        leaks: the n of the leaks 2^-n that the chip has, in order.
    """

    fan_in: int
    weight_max: int
    threshold_max: int
    v_sat: int
    fan_out: int
    leaks: tuple[int, ...] = (1,)

    @classmethod
    def from_arch(cls, arch: ArchSpec) -> NeuronLimits:
        """Read the limits from an architecture."""
        fan_in, fan_out = int(arch.neuron.fan_in.value), int(arch.routing.fan_out_load.value)
        leaks = tuple(sorted(int(n) for n in arch.neuron.decay_shifts.value if n > 0))
        # A quantum is a threshold and a feedback weight at once.
        threshold_max = min(arch.threshold_max, arch.feedback_max)
        return cls(fan_in, arch.weight_max, threshold_max, arch.v_sat, fan_out, leaks)

    @property
    def relay_leak(self) -> int:
        """n of the strongest leak, 0 where the chip has none."""
        return min(self.leaks, default=0)
