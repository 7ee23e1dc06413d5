"""Trained networks of other tools as layers that spiking neurons can take over, and their input and output codes."""

from __future__ import annotations

from chip.dnn.layers import Dnn, Readout, UnitLayer
from chip.dnn.onnx_import import import_onnx, read_onnx

__all__ = ["Dnn", "Readout", "UnitLayer", "import_onnx", "read_onnx"]
