"""Conversion of a torch module or an ONNX file in one call, and the files that it writes."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from chip.arch import ArchSpec, load_arch
from chip.distil.convert import Conversion, convert_dnn
from chip.distil.options import ConversionOptions, Progress
from chip.distil.page import report_page
from chip.distil.summary import full_summary, summary
from chip.distil.targets import task_of
from chip.dnn.data_file import check_labels, check_samples
from chip.dnn.label_check import require_labels
from chip.dnn.layers import Dnn
from chip.dnn.onnx_file import read
from chip.dnn.onnx_import import import_onnx
from chip.errors import NetworkError
from chip.file_io import write_bytes

__all__ = ["Converted", "convert", "convert_onnx", "exported"]


@dataclass(frozen=True, eq=False)
class Converted:
    """A verified network with its figures.

    Args:
        conversion: bitstream, description of input and output, candidates.
        figures: the content of ``report.json``.
        files: name and content of each file.
    """

    conversion: Conversion
    figures: dict[str, Any]
    files: Mapping[str, bytes]

    @property
    def summary(self) -> dict[str, Any]:
        """The figures that ``anomaly chip from-onnx --json`` prints."""
        return summary(self.figures)

    def run(self, samples: NDArray[Any]) -> NDArray[np.float64]:
        """Outputs of the decoded bitstream, one row a sample."""
        return self.conversion.model.run(check_samples(np.asarray(samples), "samples")).outputs

    def save(self, folder: str | Path) -> None:
        """Write ``network.bit``, ``io.json``, ``report.json`` and ``report.html``."""
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        for name, content in self.files.items():
            write_bytes(target / name, content)


def convert(
    network: nn.Module | bytes | str | Path,
    data: Any,
    labels: Any = None,
    *,
    arch: str | ArchSpec = "senna",
    options: ConversionOptions | None = None,
    progress: Progress | None = None,
) -> Converted:
    """Convert a network to a spiking one that fits the chip.

    Args:
        network: a torch module, the bytes of an ONNX file, or its path.
        data: samples, one a row: what the network is used on.
        labels: classes from 0, or values; not needed.
        arch: name of a chip, path of its YAML file, or a specification.
        options: steps, size and training.
        progress: receives stages and shares.

    Raises:
        ChipError: the network, the data or the size cannot be used; says what to do.
    """
    samples = check_samples(np.asarray(data), "data")
    own = None if labels is None else check_labels(np.asarray(labels), len(samples), "labels")
    if isinstance(network, nn.Module):
        content = exported(network, samples)
    else:
        content = network if isinstance(network, bytes) else read(Path(network))
    spec = arch if isinstance(arch, ArchSpec) else load_arch(arch)
    dnn = import_onnx(content, samples.shape[1:])
    return convert_onnx(dnn, samples, own, spec, options, progress)


def convert_onnx(
    dnn: Dnn,
    samples: NDArray[Any],
    labels: NDArray[Any] | None,
    arch: ArchSpec,
    options: ConversionOptions | None = None,
    progress: Progress | None = None,
) -> Converted:
    """Convert an imported network, measure it, and build all files."""
    if labels is not None:
        require_labels(labels, dnn.n_outputs, task_of(dnn, labels), "labels")
    conversion = convert_dnn(dnn, samples, labels, arch, options, progress)
    figures = full_summary(conversion, samples, labels)
    files = {
        "network.bit": conversion.bitstream,
        "io.json": conversion.model.io.to_json().encode(),
        "report.json": (json.dumps(figures, indent=2) + "\n").encode(),
        "report.html": report_page(conversion, figures, samples).encode(),
    }
    return Converted(conversion, figures, files)


def exported(network: nn.Module, samples: NDArray[np.float32]) -> bytes:
    """Export a module; it is put back into the mode that it was in."""
    file, training = io.BytesIO(), network.training
    network.eval()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            settings: dict[str, Any] = {
                "f": file,
                "input_names": ["input"],
                "dynamic_axes": {"input": {0: "batch"}},
            }
            torch.onnx.export(network, (torch.tensor(samples[:2]),), dynamo=False, **settings)
    except Exception as error:  # the exporter raises classes of its own
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise NetworkError(f"cannot be exported to ONNX: {reason}", where="the torch module") from error
    finally:
        network.train(training)
    return file.getvalue()
