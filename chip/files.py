"""Networks in files: NPZ, JSON, NIR, or a bitstream that is decoded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chip.arch import ArchSpec
from chip.bitstream import decode, read_design
from chip.bitstream.frames import read_frames
from chip.errors import BitstreamError, ChipError, NetworkError
from chip.layout.fabric import Fabric
from chip.network import Network
from chip.storage import MAX_BYTES

__all__ = ["load_network", "load_usage", "read_bitstream", "read_file"]


def load_network(path: Path, arch: ArchSpec) -> Network:
    """Read a network by the suffix of its file: .npz, .json, .nir, or .bit.

    What a NIR graph loses on its way is told by ``chip.nir.read_nir``.

    Raises:
        NetworkError: there is no such file, its suffix is unknown, or it holds no sound network.
        BitstreamError: the bitstream is missing, damaged or made for another architecture.
        MissingPackageError: a package is missing that reads NIR.
    """
    if path.suffix not in (".npz", ".json", ".nir", ".bit"):
        raise NetworkError(
            f"has the unknown suffix {path.suffix!r}", where=path, hint="use .npz, .json, .nir or .bit"
        )
    data = read_file(path)
    try:
        if path.suffix == ".npz":
            return Network.from_npz(data)
        if path.suffix == ".nir":
            from chip.nir import import_nir

            return import_nir(data, arch).network
        return Network.from_json(data) if path.suffix == ".json" else decode(data, arch)
    except ChipError as error:
        error.where = f"{path}: {error.where}" if error.where else str(path)
        raise


def load_usage(path: Path, arch: ArchSpec) -> NDArray[np.int64] | None:
    """Nets in each channel segment as a bitstream wires them; None for a file of another suffix.

    Raises:
        BitstreamError: the bitstream is missing, damaged or made for another architecture.
    """
    if path.suffix != ".bit":
        return None
    return read_design(read_file(path), arch).usage(Fabric.of(arch))


def read_bitstream(path: Path, arch: ArchSpec) -> bytes:
    """The bytes of a bitstream whose frames are whole and for this chip.

    Raises:
        BitstreamError: it is missing, damaged or made for another architecture; names the file.
    """
    data = _read(path, BitstreamError)
    try:
        read_frames(data, arch.fingerprint())
    except BitstreamError as error:
        error.where = f"{path}: {error.where}"
        raise
    return data


def read_file(path: Path) -> bytes:
    """The bytes of a file of sensible size.

    Raises:
        NetworkError: it cannot be read, or is far too large.
        BitstreamError: the same of a .bit file.
    """
    return _read(path, BitstreamError if path.suffix == ".bit" else NetworkError)


def _read(path: Path, error_of_kind: type[ChipError]) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise error_of_kind(f"is larger than {MAX_BYTES >> 20} MiB", where=path)
        return path.read_bytes()
    except OSError as error:
        raise error_of_kind(f"cannot be read: {error.strerror}", where=path) from error
