"""Network files of every format: NPZ, JSON, NIR, or a bitstream that is decoded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chip.arch import ArchSpec
from chip.bitstream import decode, read_design
from chip.bitstream.frames import read_frames
from chip.errors import BitstreamError, ChipError, NetworkError
from chip.file_io import read_bitstream_bytes, read_bytes
from chip.layout.fabric import Fabric
from chip.network import Network
from chip.nir import import_nir

__all__ = ["load_network", "load_usage", "read_bitstream"]


def load_network(path: Path, arch: ArchSpec) -> Network:
    """Read a network by the suffix of its file: .npz, .json, .nir, or .bit.

    ``chip.nir.read_nir`` also returns the declarations of a NIR import, and has options for it.

    Raises:
        FitError: a NIR file would give other spikes on the chip.
        NetworkError: there is no such file, its suffix is unknown, or it holds no valid network.
        BitstreamError: the bitstream is missing, damaged or made for another architecture.
        MissingPackageError: a package is missing that reads NIR.
    """
    if path.suffix not in (".npz", ".json", ".nir", ".bit"):
        raise NetworkError(
            f"has the unknown suffix {path.suffix!r}", where=path, hint="use .npz, .json, .nir or .bit"
        )
    data = read_bytes(path)
    try:
        if path.suffix == ".npz":
            return Network.from_npz(data)
        if path.suffix == ".nir":
            return import_nir(data, arch).network
        return Network.from_json(data) if path.suffix == ".json" else decode(data, arch)
    except ChipError as error:
        error.where = f"{path}: {error.where}" if error.where else str(path)
        raise


def load_usage(path: Path, arch: ArchSpec) -> NDArray[np.int64] | None:
    """Read the number of nets in each channel segment from a bitstream; None for a file of another suffix.

    Raises:
        BitstreamError: the bitstream is missing, damaged or made for another architecture.
    """
    if path.suffix != ".bit":
        return None
    return read_design(read_bytes(path), arch).usage(Fabric.of(arch))


def read_bitstream(path: Path, arch: ArchSpec) -> bytes:
    """Read a bitstream and check its frames without decoding it.

    Raises:
        BitstreamError: it is missing, damaged or made for another architecture; names the file.
    """
    data = read_bitstream_bytes(path)
    try:
        read_frames(data, arch.fingerprint())
    except BitstreamError as error:
        error.where = f"{path}: {error.where}"
        raise
    return data
