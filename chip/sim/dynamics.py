"""Integer parameters of the dynamics: those of a network, or of one imperfect chip that runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.network import Network
from chip.sim.counter_rng import noise_table
from chip.sim.imperfection import FRACTION, Deviation

__all__ = ["Dynamics", "dynamics_of"]


@dataclass(frozen=True)
class Dynamics:
    """Parameters as integers of the narrowest kind that no reachable value overflows.

    Args:
        weight: of each synapse, in the network's order.
        theta_p: level at which each neuron fires.
        theta_n: level at which it fires negatively; out of reach if it cannot.
        w_fb: feedback weight that a spike subtracts.
        shift: of the leak of each neuron; one that leaves nothing where there is none.
        extra_shift: shift of the additional leak of all neurons, likewise.
        fraction: fractional bits of all the above; the leak takes whole units, the additional one fractions.
        v_sat: limit of the membranes.
        leaks: whether any neuron leaks at all.
        noise: equally likely values, one of which is added to each neuron in each step; empty for none.
    """

    weight: NDArray[Any]
    theta_p: NDArray[Any]
    theta_n: NDArray[Any]
    w_fb: NDArray[Any]
    shift: NDArray[Any]
    extra_shift: int
    fraction: int
    v_sat: int
    leaks: bool
    noise: NDArray[Any]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Integer type of the computation: 16 bits for anything that fits the chip and is perfect."""
        return self.weight.dtype

    def in_whole_units(self, membrane: NDArray[Any]) -> NDArray[np.int64]:
        """Return sizes of membranes without their fraction, rounded up."""
        return -(-membrane.astype(np.int64) >> self.fraction)


def dynamics_of(network: Network, v_sat: int, deviation: Deviation | None = None) -> Dynamics:
    """Compute the parameters of one chip; without a deviation it is perfect."""
    series = None if deviation is None else deviation.imperfection
    fraction = FRACTION if series is not None and series.is_fractional else 0
    names = ("weight", "theta_p", "theta_n", "w_fb")
    values = {name: getattr(network, name).astype(np.int64) for name in names}
    if deviation is not None and fraction:
        values = deviation.mismatched(network)
    limit = v_sat << fraction
    sigma = 0.0 if series is None else series.noise_sigma
    noise = noise_table(sigma * (1 << fraction)) if sigma > 0 else np.zeros(0, np.int64)
    dtype = _narrowest(network, values, limit + int(noise.max(initial=0)))
    last = 8 * dtype.itemsize - 1
    extra = series.extra_leak_shift if series is not None else 0
    # With both thresholds at 0 the positive output wins at q = 0: -1 is then the first negative level.
    theta_n = np.where((values["theta_p"] == 0) & (values["theta_n"] == 0), 1, values["theta_n"])
    shift = np.where(network.decay > 0, network.decay + fraction, last)
    return Dynamics(
        weight=values["weight"].astype(dtype),
        theta_p=values["theta_p"].astype(dtype),
        theta_n=np.where(network.negative, -theta_n, np.iinfo(dtype).min).astype(dtype),
        w_fb=values["w_fb"].astype(dtype),
        shift=np.minimum(shift, last).astype(dtype),
        extra_shift=min(extra, last) if extra else last,
        fraction=fraction,
        v_sat=limit,
        leaks=bool((network.decay > 0).any()) or extra > 0,
        noise=noise.astype(dtype),
    )


def _narrowest(network: Network, values: dict[str, NDArray[np.int64]], limit: int) -> np.dtype[Any]:
    """Return the narrowest integer type that holds every value a step can produce."""
    current = np.bincount(network.target, weights=np.abs(values["weight"]), minlength=network.n_neurons)
    reach = limit + int(current.max(initial=0)) + int(values["w_fb"].max(initial=0))
    largest = max(reach, int(values["theta_p"].max(initial=0)), int(values["theta_n"].max(initial=0)))
    for kind in (np.int16, np.int32):
        if largest < np.iinfo(kind).max:
            return np.dtype(kind)
    return np.dtype(np.int64)
