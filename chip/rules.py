"""Design rules: one small function each; every finding names the place, the limit and a remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chip.arch import ArchSpec
from chip.connectivity import neurons_in_loops, self_sustaining, steps_from_inputs
from chip.errors import FitError
from chip.layout.fabric import Fabric
from chip.layout.place.estimate import tracks_needed
from chip.layout.place.nets import Nets
from chip.membrane_bounds import membrane_bounds
from chip.network import Network

__all__ = ["ADVICE", "LIMITS", "RULES", "Finding", "check", "fits", "require_fit", "require_limits"]

Severity = Literal["error", "warning"]
# Offenders that one finding names, and errors that one exception lists.
_MAX_NAMED = 5
_MAX_LISTED = 10
# Share of the tracks beyond which the estimate warns: an estimate is below what the router needs.
_ROUTABLE_SHARE = 0.8


@dataclass(frozen=True)
class Finding:
    """One violation or warning of a design rule.

    Args:
        rule: name of the rule.
        severity: an ``error`` keeps the network off the chip, a ``warning`` does not.
        place: the neuron, source or synapse; the first of several.
        limit: what is allowed.
        actual: value found; of several, the worst.
        remedy: suggested change.
    """

    rule: str
    severity: Severity
    place: str
    limit: str
    actual: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.rule}: {self.place}: {self.actual}, limit {self.limit}; {self.remedy}"

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain values."""
        return asdict(self)


def check(network: Network, arch: ArchSpec) -> list[Finding]:
    """Run all rules in the order of ``RULES``; without an error among the findings, the network fits."""
    return [finding for rule in RULES for finding in rule(network, arch)]


def fits(network: Network, arch: ArchSpec) -> bool:
    """Return whether no rule finds an error."""
    return not any(True for rule in LIMITS for _ in rule(network, arch))


def require_fit(network: Network, arch: ArchSpec) -> list[Finding]:
    """Return the warnings of a network that fits.

    Raises:
        FitError: a rule finds an error; lists the findings.
    """
    require_limits(network, arch)
    return [finding for rule in ADVICE for finding in rule(network, arch)]


def require_limits(network: Network, arch: ArchSpec) -> None:
    """Refuse a network that does not fit; warnings, which take longer, are not computed.

    Raises:
        FitError: a rule finds an error; lists the findings.
    """
    errors = [finding for rule in LIMITS for finding in rule(network, arch)]
    if errors:
        lines = [str(finding) for finding in errors[:_MAX_LISTED]]
        if len(errors) > _MAX_LISTED:
            lines.append(f"and {len(errors) - _MAX_LISTED} more")
        raise FitError(
            f"does not fit {arch.name}: {len(errors)} broken rules", where="network", hint="\n  ".join(lines)
        )


def neuron_count(network: Network, arch: ArchSpec) -> Iterator[Finding]:
    """Require a cell for each neuron."""
    yield from _count("neuron_count", network.n_neurons, arch.array.neurons.value, "use fewer neurons")


def synapse_count(network: Network, arch: ArchSpec) -> Iterator[Finding]:
    """Require a weight for each synapse."""
    limit = arch.array.synapses.value
    yield from _count("synapse_count", network.n_synapses, limit, "prune the least useful synapses")


def input_count(network: Network, arch: ArchSpec) -> Iterator[Finding]:
    """Require an input pad for each signed input."""
    yield from _count("input_count", network.n_inputs, arch.array.inputs.value, "use fewer or coarser inputs")


def output_count(network: Network, arch: ArchSpec) -> Iterator[Finding]:
    """Require an output pad for each output neuron."""
    limit = arch.array.outputs.value
    yield from _count("output_count", network.n_outputs, limit, "read fewer neurons, or groups of them")


def fan_in(network: Network, arch: ArchSpec) -> Iterator[Finding]:
    """Require that no neuron has more synapses than a cell holds."""
    limit, actual = arch.neuron.fan_in.value, network.fan_in()
    remedy = "prune synapses, or split the neuron into partial sums"
    beyond = np.flatnonzero(actual > limit)
    yield from _errors("fan_in", network.neuron_name, beyond, limit, actual, remedy, unit=" synapses")


def fan_out_load(network: Network, arch: ArchSpec) -> Iterator[Finding]:
    """Require that no net drives more synapses than its driver can."""
    limit, actual = arch.routing.fan_out_load.value, network.fan_out()
    remedy = "duplicate the source and share its synapses out"
    beyond = np.flatnonzero(actual > limit)
    yield from _errors("fan_out_load", network.source_name, beyond, limit, actual, remedy, unit=" synapses")


def weight_range(network: Network, arch: ArchSpec) -> Iterator[Finding]:
    """Require weights that fit into sign and magnitude."""
    limit = arch.weight_max

    def place(at: int) -> str:
        source, target = network.source_name(int(network.source[at])), int(network.target[at])
        return f"synapse from {source} to {network.neuron_name(target)}"

    remedy = "scale the neuron's weights, thresholds and feedback down together"
    beyond = np.flatnonzero(np.abs(network.weight) > limit)
    yield from _errors("weight_range", place, beyond, f"±{limit}", network.weight, remedy)


def threshold_range(network: Network, arch: ArchSpec) -> Iterator[Finding]:
    """Require thresholds that fit into their magnitude bits."""
    for name in ("theta_p", "theta_n"):
        yield from _magnitude(network, "threshold_range", name, arch.threshold_max)


def feedback_range(network: Network, arch: ArchSpec) -> Iterator[Finding]:
    """Require feedback weights that fit into their magnitude bits."""
    yield from _magnitude(network, "feedback_range", "w_fb", arch.feedback_max)


def decay_choice(network: Network, arch: ArchSpec) -> Iterator[Finding]:
    """Require leaks that can be set."""
    allowed = arch.neuron.decay_shifts.value
    choice = ", ".join(str(shift) for shift in allowed)
    wrong = np.flatnonzero(~np.isin(network.decay, allowed))
    remedy = "take the nearest of those that can be set"
    yield from _errors("decay_choice", network.neuron_name, wrong, choice, network.decay, remedy)


def negative_output(network: Network, arch: ArchSpec) -> Iterator[Finding]:
    """Refuse negative outputs where the member of the family lacks them."""
    if arch.neuron.negative_output.value:
        return
    remedy = "use a second neuron with the opposite weights"
    enabled = np.flatnonzero(network.negative)
    yield from _errors("negative_output", network.neuron_name, enabled, "disabled", "enabled", remedy)


def recurrence(network: Network, arch: ArchSpec) -> Iterator[Finding]:
    """Refuse loops where the member of the family forbids them."""
    if arch.neuron.recurrence.value:
        return
    looped = neurons_in_loops(network)
    yield from _errors("recurrence", network.neuron_name, looped, "no loop", "on a loop", "cut the loop")


def empty(network: Network, arch: ArchSpec) -> Iterator[Finding]:
    """Warn of networks without neurons, synapses, inputs or outputs, which can do nothing."""
    sizes = {
        "inputs": network.n_inputs,
        "neurons": network.n_neurons,
        "synapses": network.n_synapses,
        "outputs": network.n_outputs,
    }
    if missing := [name for name, size in sizes.items() if size == 0]:
        remedy = "look at what wrote the file: its weights may have become 0"
        yield Finding(
            "empty", "warning", "network", "at least 1 of each", f"no {' and no '.join(missing)}", remedy
        )


def dangling(network: Network, arch: ArchSpec) -> Iterator[Finding]:
    """Warn of neurons whose spikes are not used."""
    unused = network.fan_out()[network.n_inputs :] == 0
    unused[network.outputs] = False
    remedy = "remove it or make it an output"
    yield from _warn("dangling", network, np.flatnonzero(unused), "a reader", "none", remedy)


def unreachable(network: Network, arch: ArchSpec) -> Iterator[Finding]:
    """Warn of neurons that no input leads to, nor a neuron that fires of itself, such as the clock of a bias."""
    restless = network.theta_p == 0
    lost = np.flatnonzero((steps_from_inputs(network, also=restless) < 0) & ~restless)
    yield from _warn("unreachable", network, lost, "a path from an input", "none", "connect or remove it")


def fires_at_rest(network: Network, arch: ArchSpec) -> Iterator[Finding]:
    """Warn of thresholds of 0, which are crossed in every step without any input."""
    restless = (network.theta_p == 0) | (network.negative & (network.theta_n == 0))
    remedy = "raise the threshold unless a steady spike is wanted"
    yield from _warn("fires_at_rest", network, np.flatnonzero(restless), "at least 1", "threshold 0", remedy)


def oscillating(network: Network, arch: ArchSpec) -> Iterator[Finding]:
    """Warn of loops that one spike keeps going for ever."""
    limit, actual = "spikes die out", "one spike circulates for ever"
    remedy = "weaken a synapse of the loop below the threshold it meets"
    yield from _warn("oscillating", network, self_sustaining(network), limit, actual, remedy)


def saturation(network: Network, arch: ArchSpec) -> Iterator[Finding]:
    """Warn of membranes that some input may drive into saturation, which loses information."""
    lower, upper = membrane_bounds(network)
    reach = np.maximum(upper, -lower)
    beyond = np.flatnonzero(reach > arch.v_sat)
    actual = "no bound" if np.isinf(reach[beyond]).any() else f"up to {reach[beyond].max(initial=0):.0f}"
    remedy = "feedback as large as the sum of weights, a leak, or a reset now and then bounds it"
    yield from _warn("saturation", network, beyond, f"±{arch.v_sat}", actual, remedy)


def routability(network: Network, arch: ArchSpec) -> Iterator[Finding]:
    """Warn of networks whose nets would fill most of every channel; the router decides."""
    fabric, nets = Fabric.of(arch), Nets.of(network)
    sizes = (
        (nets.n_neurons, fabric.n_cells),
        (nets.n_inputs, fabric.n_inputs),
        (nets.n_outputs, fabric.n_outputs),
    )
    if any(count > limit for count, limit in sizes):
        return
    needed = tracks_needed(nets, fabric)
    if needed > _ROUTABLE_SHARE * fabric.width:
        widest = int(np.argmax(np.diff(nets.start)))
        place = f"network; its widest net, of {network.source_name(int(nets.source[widest]))}"
        limit = f"{_ROUTABLE_SHARE:.0%} of {fabric.width} tracks of a channel"
        remedy = "fewer synapses, or sources with targets nearby only"
        yield Finding(
            "routability", "warning", place, limit, f"an estimate of {needed:.0f} on average", remedy
        )


Rule = Callable[[Network, ArchSpec], Iterable[Finding]]
# Errors, which keep a network off the chip, and warnings.
LIMITS: tuple[Rule, ...] = (
    neuron_count,
    synapse_count,
    input_count,
    output_count,
    fan_in,
    fan_out_load,
    weight_range,
    threshold_range,
    feedback_range,
    decay_choice,
    negative_output,
    recurrence,
)
ADVICE: tuple[Rule, ...] = (empty, dangling, unreachable, fires_at_rest, oscillating, saturation, routability)
RULES = LIMITS + ADVICE


def _error(rule: str, place: str, limit: object, actual: str, remedy: str) -> Finding:
    return Finding(rule, "error", place, str(limit), actual, remedy)


def _count(rule: str, actual: int, limit: int, remedy: str) -> Iterator[Finding]:
    if actual > limit:
        yield _error(rule, "network", limit, str(actual), remedy)


def _magnitude(network: Network, rule: str, name: str, limit: int) -> Iterator[Finding]:
    values = getattr(network, name)

    def place(neuron: int) -> str:
        return f"{name} of {network.neuron_name(neuron)}"

    remedy = "scale the neuron's weights, thresholds and feedback down together"
    yield from _errors(rule, place, np.flatnonzero(values > limit), f"0..{limit}", values, remedy)


def _errors(
    rule: str,
    place: Callable[[int], str],
    offenders: NDArray[np.int64],
    limit: object,
    actual: NDArray[Any] | str,
    remedy: str,
    *,
    unit: str = "",
) -> Iterator[Finding]:
    """Yield one error for all offenders of a rule, with the worst value first: a line for each would bury the rest."""
    if not offenders.size:
        return
    if isinstance(actual, str):
        worst, value = offenders, actual
    else:
        worst = offenders[np.argsort(-np.abs(actual[offenders].astype(np.int64)), kind="stable")]
        value = f"{actual[worst[0]]}{unit}"
    names = ", ".join(place(int(at)) for at in worst[:_MAX_NAMED])
    more = f" and {worst.size - _MAX_NAMED} more" if worst.size > _MAX_NAMED else ""
    many = "at most " if worst.size > 1 and not isinstance(actual, str) else ""
    yield _error(rule, names + more, limit, many + value, remedy)


def _warn(
    rule: str, network: Network, neurons: NDArray[np.int64], limit: str, actual: str, remedy: str
) -> Iterator[Finding]:
    """Yield one warning for all neurons of a kind: hundreds of equal lines would hide the errors."""
    if not neurons.size:
        return
    names = [network.neuron_name(int(neuron)) for neuron in neurons[:_MAX_NAMED]]
    more = f" and {neurons.size - _MAX_NAMED} more" if neurons.size > _MAX_NAMED else ""
    yield Finding(rule, "warning", ", ".join(names) + more, limit, actual, remedy)
