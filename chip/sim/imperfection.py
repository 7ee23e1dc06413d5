"""Imperfections of real chips: mismatch, noise, lost events, additional leak."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from chip.errors import NetworkError
from chip.network import Network
from chip.sim.counter_rng import gaussian, key_of, uniform, words

__all__ = ["FRACTION", "Deviation", "Imperfection", "noise_keys"]

# Fractional bits of weights, thresholds and membranes when they are not whole any more.
FRACTION = 8
_MAX_SIGMA, _MAX_NOISE, _MAX_SHIFT, _MAX_SEED = 1.0, 1e6, 30, 1 << 62
# Purposes of keys; renumbering them would change the chips of every seed.
_WEIGHT, _THETA_P, _THETA_N, _W_FB, _NOISE, _LOST = range(6)


@dataclass(frozen=True, kw_only=True)
class Imperfection:
    """Deviations of a series of chips from their program; the same seed gives the same chips, step by step.

    Args:
        weight_mismatch_sigma: every synapse, threshold and feedback weight of a chip has a factor of its own,
            drawn once from a normal distribution with mean 1 and this deviation; no factor changes a sign.
        noise_sigma: deviation of the noise added to every membrane in every step, in units of a weight of 1.
        lost_events: probability that an input spike does not arrive.
        extra_leak_shift: n of a leak 2^-n per step on top of the programmed one, 0 for none.
        seed: of everything that is random.

    Raises:
        NetworkError: a value is out of range.
    """

    weight_mismatch_sigma: float = 0.0
    noise_sigma: float = 0.0
    lost_events: float = 0.0
    extra_leak_shift: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        limits = (_MAX_SIGMA, _MAX_NOISE, 1.0, _MAX_SHIFT, _MAX_SEED)
        for item, limit in zip(fields(self), limits, strict=True):
            value = getattr(self, item.name)
            whole = isinstance(limit, int)
            if isinstance(value, bool) or not isinstance(value, int | np.integer if whole else int | float):
                raise NetworkError(
                    f"is {value!r}, not {'an integer' if whole else 'a number'}", where=item.name
                )
            if not (math.isfinite(value) and 0 <= value <= limit):
                raise NetworkError(f"is {value}, not within 0..{limit:g}", where=item.name)

    @property
    def is_fractional(self) -> bool:
        """Return whether membranes hold fractions of a unit."""
        return self.weight_mismatch_sigma > 0 or self.noise_sigma > 0 or self.extra_leak_shift > 0

    def of_chip(self, number: int) -> Deviation:
        """Return the deviation of one chip of the series."""
        return Deviation(self, number)


@dataclass(frozen=True)
class Deviation:
    """Imperfections of one chip.

    Args:
        imperfection: of the series.
        chip: number of the chip in it.
    """

    imperfection: Imperfection
    chip: int = 0

    def mismatched(self, network: Network) -> dict[str, NDArray[np.int64]]:
        """Return weights, thresholds and feedback of this chip in 2^-8 of a unit, by field name.

        A synapse's factor depends on its source and target, a neuron's on its number, so removing one leaves the
        others as they are.
        """
        ends = network.target.astype(np.int64) * (1 << 32) + network.source
        every = np.arange(network.n_neurons)
        return {
            "weight": self._scaled(network.weight, _WEIGHT, ends),
            "theta_p": self._scaled(network.theta_p, _THETA_P, every),
            "theta_n": self._scaled(network.theta_n, _THETA_N, every),
            "w_fb": self._scaled(network.w_fb, _W_FB, every),
        }

    def surviving(self, spikes: NDArray[np.int8], first_step: int, streams: range) -> NDArray[np.int8]:
        """Return the input spikes [step, stream, input] without the lost ones; steps and streams are numbered."""
        probability = self.imperfection.lost_events
        if probability == 0:
            return spikes
        step, stream, source = np.nonzero(spikes)
        row = words(self.stream_keys(_LOST, streams)[stream], step + first_step)
        lost = uniform(words(row, source)) < probability
        left = spikes.copy()
        left[step[lost], stream[lost], source[lost]] = 0
        return left

    def stream_keys(self, purpose: int, streams: range) -> NDArray[np.uint64]:
        """Derive a key for each stream."""
        keys = [key_of(self.imperfection.seed, purpose, self.chip, stream) for stream in streams]
        return np.array(keys, np.uint64)

    def _scaled(
        self, values: NDArray[np.int32], purpose: int, counters: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        sigma, whole = self.imperfection.weight_mismatch_sigma, values.astype(np.int64) << FRACTION
        if sigma == 0:
            return whole
        key = key_of(self.imperfection.seed, purpose, self.chip)
        size = np.rint(np.abs(whole) * (1 + sigma * gaussian(words(key, counters)))).astype(np.int64)
        return np.where(whole == 0, 0, np.sign(whole) * np.maximum(size, 1))


def noise_keys(deviation: Deviation | None, streams: range) -> NDArray[np.uint64]:
    """Derive the key of the noise in each stream; empty without noise."""
    if deviation is None or deviation.imperfection.noise_sigma == 0:
        return np.zeros(0, np.uint64)
    return deviation.stream_keys(_NOISE, streams)
