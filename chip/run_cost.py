"""Cost of a run: energy as a range, latency and utilisation, every figure with its provenance.

The split of the published 23 mW is not public, so three calibrations bracket it. Each puts all power at the
operating point into one cause: (a) activity, E = N_sop · E_sop; (b) clock, E = cycles · P/f; (c) leakage,
E = P · t. Energy of single spikes and of wires is contained in them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chip.arch import ArchSpec, Provenance
from chip.connectivity import steps_from_inputs
from chip.errors import ChipError
from chip.network import Network

__all__ = ["CostReport", "EnergyRange", "Figure", "cost", "latency", "stepped_latency", "utilisation"]

Policy = Literal["free-running", "stepped"]
Calibration = Literal["activity", "clock", "leakage"]


@dataclass(frozen=True)
class Figure:
    """Number with unit, provenance and source."""

    value: float
    unit: str
    provenance: Provenance
    source: str


@dataclass(frozen=True)
class EnergyRange:
    """Energy under one clock policy and one calibration.

    Args:
        policy: the clock runs all the time, or only for the steps that are needed.
        calibration: cause to which all of the published power is attributed.
        joule: energy of the whole run.
        source: the arithmetic.
    """

    policy: Policy
    calibration: Calibration
    joule: float
    source: str


@dataclass(frozen=True)
class CostReport:
    """Cost of a run on the chip; the pre-processing before it is not included.

    Args:
        figures: counts and derived figures, by name.
        energies: one for each policy and calibration.
        retention_ok: whether steps are frequent enough for the membranes, by the assumed limit.
        notes: caveats for quoting a figure.
    """

    figures: dict[str, Figure]
    energies: tuple[EnergyRange, ...]
    retention_ok: bool
    notes: tuple[str, ...]

    def range_j(self, policy: Policy) -> tuple[float, float]:
        """Return the least and greatest energy of a policy over the calibrations, in joule."""
        joules = [energy.joule for energy in self.energies if energy.policy == policy]
        return min(joules), max(joules)

    def worst(self, policy: Policy) -> EnergyRange:
        """Return the largest energy of a policy: the one to quote unless another calibration is named."""
        return max((e for e in self.energies if e.policy == policy), key=lambda energy: energy.joule)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values."""
        ranges = {policy: list(self.range_j(policy)) for policy in ("free-running", "stepped")}
        return asdict(self) | {"range_j": ranges}


def cost(arch: ArchSpec, steps: int, sop: int, spikes: int, seconds: float) -> CostReport:
    """Estimate the cost of a run.

    Args:
        arch: the chip.
        steps: steps of the network.
        sop: synaptic operations in all of them.
        spikes: spikes that neurons emitted.
        seconds: how long the chip was on: the time the input lasted, not the time the steps take.

    Raises:
        ChipError: a count is negative, or the steps do not fit into the time.
    """
    if min(steps, sop, spikes) < 0 or not 0 < seconds < float("inf"):
        raise ChipError("counts must not be negative, and the time not zero", where="cost")
    if steps * arch.step_s > seconds * (1 + 1e-9):
        raise ChipError(f"{steps} steps need {steps * arch.step_s:.3g} s, not {seconds:.3g}", where="cost")
    step_hz = steps / seconds
    retention_ok = step_hz >= arch.timing.min_step_hz.value
    return CostReport(
        figures=_figures(arch, steps, sop, spikes, seconds),
        energies=_energies(arch, steps, sop, seconds),
        retention_ok=retention_ok,
        notes=_notes(arch, step_hz, retention_ok),
    )


def _figures(arch: ArchSpec, steps: int, sop: int, spikes: int, seconds: float) -> dict[str, Figure]:
    counted = "counted in the simulation"
    power, clock = arch.energy.power_w.value, arch.timing.clock_hz.value
    return {
        "steps": Figure(steps, "steps", "derived", counted),
        "sop": Figure(sop, "synaptic operations", "derived", counted),
        "spikes": Figure(spikes, "spikes", "derived", counted),
        "seconds": Figure(seconds, "s", "derived", "duration of the input"),
        "step_hz": Figure(steps / seconds, "Hz", "derived", "steps / seconds"),
        "sop_per_step": Figure(
            sop / steps if steps else 0.0, "synaptic operations", "derived", "sop / steps"
        ),
        "cycle_j": Figure(power / clock, "J", "derived", "power_w / clock_hz"),
        "step_latency_s": Figure(**_figure(arch.timing.latency_s)),
        "sop_j": Figure(**_figure(arch.energy.sop_j)),
        "power_w": Figure(**_figure(arch.energy.power_w)),
        "min_step_hz": Figure(**_figure(arch.timing.min_step_hz)),
    }


def _figure(parameter: Any) -> dict[str, Any]:
    fields = ("value", "unit", "provenance", "source")
    return {name: getattr(parameter, name) for name in fields}


def _energies(arch: ArchSpec, steps: int, sop: int, seconds: float) -> tuple[EnergyRange, ...]:
    power, clock = arch.energy.power_w.value, arch.timing.clock_hz.value
    activity, leakage = sop * arch.energy.sop_j.value, power * seconds
    stepped = steps * arch.timing.cycles_per_step.value * power / clock
    return (
        EnergyRange("free-running", "activity", activity, "sop x sop_j"),
        EnergyRange("free-running", "clock", leakage, "seconds x clock_hz x cycle_j"),
        EnergyRange("free-running", "leakage", leakage, "seconds x power_w"),
        EnergyRange("stepped", "activity", activity, "sop x sop_j"),
        EnergyRange("stepped", "clock", stepped, "steps x cycles_per_step x cycle_j"),
        EnergyRange("stepped", "leakage", leakage, "seconds x power_w: stepping saves nothing"),
    )


def _notes(arch: ArchSpec, step_hz: float, retention_ok: bool) -> tuple[str, ...]:
    limit = arch.timing.min_step_hz
    verdict = "fast enough" if retention_ok else "too slow"
    return (
        "energy is a range: the split of the published power into activity, clock and leakage is not public",
        f"{step_hz:.4g} steps a second are {verdict} for a membrane that needs {limit.value:g} "
        f"({limit.provenance}): this decides whether the time constants of the signal are possible at all",
        "the front end before the chip (features, encoder) is not included",
    )


def utilisation(
    network: Network, arch: ArchSpec, usage: NDArray[np.int64] | None = None
) -> dict[str, dict[str, float]]:
    """Compute ``used``, ``available`` and ``share`` of each resource of the chip.

    Args:
        network: network on the chip.
        arch: the chip.
        usage: nets in each channel segment. It adds ``tracks`` with the number ``per_channel``, and those used in
            the fullest channel (``max``) and on average (``mean``).
    """
    used = {
        "neurons": (network.n_neurons, arch.array.neurons.value),
        "synapses": (network.n_synapses, arch.array.synapses.value),
        "inputs": (network.n_inputs, arch.array.inputs.value),
        "outputs": (network.n_outputs, arch.array.outputs.value),
    }
    width = arch.routing.nets_per_channel.value
    if usage is not None:
        used["tracks"] = int(usage.sum()), usage.size * width
    found: dict[str, dict[str, float]] = {
        name: {"used": have, "available": limit, "share": have / limit}
        for name, (have, limit) in used.items()
    }
    if usage is not None:
        found["tracks"] |= {"per_channel": width, "max": int(usage.max()), "mean": float(usage.mean())}
    return found


def latency(network: Network, arch: ArchSpec) -> dict[str, Figure] | None:
    """Compute the time from an input spike to the first spike of the nearest and the farthest reachable output.

    The time holds when steps follow each other at the full clock; stepped, it is steps x step period. None
    if no output can be reached.
    """
    steps = steps_from_inputs(network)[network.outputs]
    reached = steps[steps > 0]
    if not reached.size:
        return None
    source = "fewest synapses on the way x latency_s"
    return {
        name: Figure(int(depth) * arch.timing.latency_s.value, "s", "derived", f"{int(depth)} = {source}")
        for name, depth in (("nearest_output", reached.min()), ("farthest_output", reached.max()))
    }


def stepped_latency(network: Network, step_hz: float) -> dict[str, Any]:
    """Compute the duration of a step, and the time to the nearest and farthest output at that pace."""
    steps = steps_from_inputs(network)[network.outputs]
    reached = steps[steps > 0]
    delays = None
    if reached.size:
        delays = {
            "nearest_output": int(reached.min()) / step_hz,
            "farthest_output": int(reached.max()) / step_hz,
        }
    return {"step_s": 1 / step_hz, "stepped_latency_s": delays}
