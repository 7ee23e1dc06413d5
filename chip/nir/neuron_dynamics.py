"""Parameters of one neuron node in discrete time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from chip.errors import NetworkError
from chip.nir.graph import Node, node_name
from chip.nir.populations import BELOW

__all__ = ["NodeDynamics", "Reset", "dynamics_of"]

Reset = Literal["zero", "subtract", "snntorch"]
Floats = NDArray[np.float64]
Parameter = Callable[[str, float], Floats]


@dataclass(frozen=True)
class NodeDynamics:
    """Parameters of a neuron node, one value for each neuron; see ``DiscreteNeurons``.

    Args:
        gain: membrane that a current of 1 adds in a step.
        rest: membrane that v_leak adds in a step.
        alpha: decay factor of the synaptic current.
        beta: decay factor of the membrane.
        theta: threshold.
        feedback: amount that a spike subtracts.
        v_reset: membrane after a spike; NaN without a reset.
    """

    gain: Floats
    rest: Floats
    alpha: Floats
    beta: Floats
    theta: Floats
    feedback: Floats
    v_reset: Floats


def dynamics_of(node: Node, size: int, dt_s: float, reset: Reset) -> NodeDynamics:
    """Discretise a node of ``size`` neurons.

    Raises:
        NetworkError: no neuron can have these parameters; names the node.
    """

    def parameter(field: str, default: float = 0.0) -> Floats:
        values = node.array(field).ravel() if field in node.fields else np.array([default])
        return np.broadcast_to(values, (size,)).astype(np.float64)

    membrane = "tau_mem" if node.kind == "CubaLIF" else "tau"
    share = _share(node, membrane, parameter, dt_s)
    share_current = _share(node, "tau_syn", parameter, dt_s)
    if (share_current == 0).any():
        hint = "take a finite tau_syn"
        raise NetworkError("has a synaptic current that never ends", where=node_name(node), hint=hint)
    theta, v_reset = parameter("v_threshold"), parameter("v_reset")
    # A threshold of 0 is exported as slightly less: a clock, which fires in every step.
    if (theta < -BELOW).any():
        raise NetworkError("has a negative threshold: it would fire at rest", where=node_name(node))
    if (v_reset > np.maximum(theta, 0)).any():
        raise NetworkError("is reset above its threshold", where=node_name(node))
    beta = 1.0 - share if node.kind != "IF" else np.ones(size)
    free = "free" in node.fields
    # A step late and after the leak; a membrane that keeps nothing has lost it by then.
    late = np.maximum(beta, 2.0**-4) if reset == "snntorch" else np.ones(size)
    return NodeDynamics(
        gain=_membrane_gain(node, parameter, share) * share_current * parameter("w_in", 1.0),
        # With a synaptic current the rest passes its filter, whose gain is 1 / share_current.
        rest=parameter("v_leak") * share * share_current,
        alpha=1.0 - share_current,
        beta=beta,
        theta=theta,
        feedback=np.zeros(size) if free else (theta - v_reset) / late,
        v_reset=np.full(size, np.nan) if free else v_reset,
    )


def _share(node: Node, field: str, parameter: Parameter, dt_s: float) -> Floats:
    """Return dt/tau, the share of a quantity that is renewed in a step; at most 1."""
    values = parameter(field, dt_s)
    if (values <= 0).any():
        raise NetworkError(f"{field} is not above 0", where=node_name(node))
    share: Floats = np.minimum(1.0, dt_s / values)
    return share


def _membrane_gain(node: Node, parameter: Parameter, share: Floats) -> Floats:
    """Return r·dt/tau, which is 1 in a step where both are infinite: snnTorch writes r = tau/dt, with beta = 1 too.

    Raises:
        NetworkError: only one of them is infinite.
    """
    r = parameter("r", 1.0)
    never, boundless = share == 0, np.isposinf(r)
    if (never & ~boundless).any():
        message = "has an infinite time constant and a finite r: no input moves its membrane"
        hint = (
            "use IF, which integrates without a leak; or write r infinite too, as snnTorch does for beta = 1"
        )
        raise NetworkError(message, where=node_name(node), hint=hint)
    if (boundless & ~never).any():
        raise NetworkError("has an infinite r and a finite time constant", where=node_name(node))
    finite = np.where(boundless, 1.0, r)
    return np.where(boundless, 1.0, finite * share)
