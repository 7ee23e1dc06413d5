"""Network description: signed integrate-and-fire neurons and integer synapses.

Step ``k`` of neuron ``j``, all integers, every neuron at once::

    q = decay(v) + sum_i W_i * s_i       s_i in {-1, 0, +1}; decay(v) = v, or v - sign(v)·(|v| >> n)
    s = +1 if q >= theta_p; -1 if q <= -theta_n and the negative output is enabled; else 0
    v = clip(q - w_fb * s, -v_sat, +v_sat)

Inputs act in the step they arrive in; the spikes of neurons act one step later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from chip import storage
from chip.errors import NetworkError
from chip.file_io import read_bytes, write_bytes
from chip.naming import neuron_name, source_name
from chip.validation import MAX_INPUTS, check_structure, integer_vector

__all__ = ["Network"]

NEURON_FIELDS = ("theta_p", "theta_n", "negative", "w_fb", "decay")
SYNAPSE_FIELDS = ("source", "target", "weight")


@dataclass(frozen=True, eq=False, kw_only=True)
class Network:
    """Immutable, validated network; synapses are kept sorted by (target, source).

    Arrays may be integers of any kind; they are kept as private, read-only int32 (``negative``: bool).

    Args:
        n_inputs: number of signed spike inputs.
        theta_p: positive threshold of each neuron, at least 0.
        theta_n: negative threshold of each neuron (its magnitude), at least 0.
        negative: whether the negative output of each neuron is enabled.
        w_fb: feedback weight subtracted at a spike, at least 0.
        decay: n of the leak 2^-n per step, 0 for none, at most 30.
        source: of each synapse; below ``n_inputs`` an input, otherwise neuron ``source - n_inputs``.
        target: neuron each synapse ends at.
        weight: of each synapse, signed and not zero.
        outputs: neurons whose spikes leave the chip, in order, distinct.
        labels: names of the neurons, or empty; they are not part of the network's identity.
        input_labels: names of the inputs, or empty; not part of the identity either.

    Raises:
        NetworkError: an array has the wrong length, kind or range, or a synapse occurs twice.
    """

    n_inputs: int
    theta_p: NDArray[Any]
    theta_n: NDArray[Any]
    negative: NDArray[Any]
    w_fb: NDArray[Any]
    decay: NDArray[Any]
    source: NDArray[Any]
    target: NDArray[Any]
    weight: NDArray[Any]
    outputs: NDArray[Any]
    labels: tuple[str, ...] = ()
    input_labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        put = object.__setattr__
        if isinstance(self.n_inputs, bool) or not isinstance(self.n_inputs, int | np.integer):
            raise NetworkError("is not an integer", where="n_inputs")
        put(self, "n_inputs", int(self.n_inputs))
        if not 0 <= self.n_inputs <= MAX_INPUTS:
            raise NetworkError(f"is {self.n_inputs}, not within 0..{MAX_INPUTS}", where="n_inputs")
        for name in (*NEURON_FIELDS, *SYNAPSE_FIELDS, "outputs"):
            kind = np.bool_ if name == "negative" else np.int32
            put(self, name, integer_vector(name, getattr(self, name), kind))
        for name in ("labels", "input_labels"):
            put(self, name, tuple(str(label) for label in getattr(self, name)))
        check_structure(self.n_inputs, self.arrays(), self.labels, self.input_labels)
        order = np.lexsort((self.source, self.target))
        for name in SYNAPSE_FIELDS:
            put(self, name, getattr(self, name)[order])
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    @property
    def n_neurons(self) -> int:
        """Number of neurons."""
        return int(self.theta_p.size)

    @property
    def n_synapses(self) -> int:
        """Number of synapses."""
        return int(self.weight.size)

    @property
    def n_outputs(self) -> int:
        """Number of output neurons."""
        return int(self.outputs.size)

    def fan_in(self) -> NDArray[np.int64]:
        """Count the synapses that end at each neuron, int64[n_neurons]."""
        return np.bincount(self.target, minlength=self.n_neurons).astype(np.int64)

    def fan_out(self) -> NDArray[np.int64]:
        """Count the synapses that start at each source, int64[n_inputs + n_neurons], inputs first."""
        return np.bincount(self.source, minlength=self.n_inputs + self.n_neurons).astype(np.int64)

    def neuron_name(self, neuron: int) -> str:
        """Return the name of a neuron in messages: its number, and its label if it has one."""
        return neuron_name(neuron, self.labels)

    def source_name(self, source: int) -> str:
        """Return the name of a source in messages: an input or a neuron."""
        return source_name(source, self.n_inputs, self.labels, self.input_labels)

    def canonical(self) -> Network:
        """Return the same network without its labels, as a bitstream carries it."""
        return Network(n_inputs=self.n_inputs, **self.arrays())

    def arrays(self) -> dict[str, Any]:
        """Return the arrays that make up the identity, by field name."""
        return {name: getattr(self, name) for name in (*NEURON_FIELDS, *SYNAPSE_FIELDS, "outputs")}

    def fingerprint(self) -> str:
        """SHA-256 (hex) of the identity: equal exactly when ``same_as`` holds."""
        digest = hashlib.sha256(f"{self.n_inputs},{self.n_neurons},{self.n_synapses}".encode())
        for array in self.arrays().values():
            digest.update(array.astype("<i4").tobytes())
        return digest.hexdigest()

    def same_as(self, other: Network) -> bool:
        """Return whether both describe the same network; labels do not count."""
        return self.difference(other) is None

    def difference(self, other: Network) -> str | None:
        """Describe the first difference between two networks; None if they are the same."""
        for name in ("n_inputs", "n_neurons"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                return f"{name} is {mine} against {theirs}"
        for name in NEURON_FIELDS:
            mine, theirs = getattr(self, name), getattr(other, name)
            if (differs := np.flatnonzero(mine != theirs)).size:
                at = int(differs[0])
                return f"{self.neuron_name(at)}: {name} is {int(mine[at])} against {int(theirs[at])}"
        if not np.array_equal(self.outputs, other.outputs):
            return f"outputs are {_short(self.outputs)} against {_short(other.outputs)}"
        return self._synapse_difference(other)

    def _synapse_difference(self, other: Network) -> str | None:
        mine = np.stack([self.target, self.source, self.weight])
        theirs = np.stack([other.target, other.source, other.weight])
        shared = min(mine.shape[1], theirs.shape[1])
        differs = np.flatnonzero((mine[:, :shared] != theirs[:, :shared]).any(axis=0))
        if not differs.size and mine.shape == theirs.shape:
            return None
        at = int(differs[0]) if differs.size else shared
        return f"synapse {at}: {self._synapse_name(at)} against {other._synapse_name(at)}"

    def _synapse_name(self, at: int) -> str:
        if at >= self.n_synapses:
            return "none"
        names = self.source_name(int(self.source[at])), self.neuron_name(int(self.target[at]))
        return f"{names[0]} to {names[1]}, weight {int(self.weight[at])}"

    def to_npz(self, path: str | Path | None = None) -> bytes:
        """Serialise the network as an NPZ file; the same network gives the same bytes.

        Args:
            path: file to write atomically as well, if any.

        Returns:
            The bytes of the file.

        Raises:
            NetworkError: the file cannot be written.
        """
        data = storage.pack_npz(self._columns())
        if path is not None:
            write_bytes(Path(path), data)
        return data

    @classmethod
    def from_npz(cls, data: bytes | str | Path) -> Self:
        """Read a network that ``to_npz`` serialised.

        Args:
            data: the bytes of the file, or its path.

        Raises:
            NetworkError: the file cannot be read, or the bytes are damaged, of another version, or describe no
                network.
        """
        if isinstance(data, bytes):
            return cls._from_columns(storage.unpack_npz(data))
        try:
            return cls._from_columns(storage.unpack_npz(read_bytes(path := Path(data))))
        except NetworkError as error:
            if error.where != str(path):
                error.where = f"{path}: {error.where}"
            raise

    def to_json(self) -> str:
        """Serialise the network as JSON text, one column per field."""
        return storage.pack_json(self._columns())

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a network that ``to_json`` serialised.

        Raises:
            NetworkError: the text is no JSON, of another version, or describes no network.
        """
        return cls._from_columns(storage.unpack_json(text))

    def _columns(self) -> dict[str, Any]:
        labels = {"labels": self.labels, "input_labels": self.input_labels}
        return {"n_inputs": self.n_inputs, **self.arrays(), **labels}

    @classmethod
    def _from_columns(cls, columns: Mapping[str, Any]) -> Self:
        return cls(**columns)


def _short(values: NDArray[np.int32]) -> str:
    shown = ", ".join(str(value) for value in values[:8])
    return f"[{shown}, … {values.size} in all]" if values.size > 8 else f"[{shown}]"
