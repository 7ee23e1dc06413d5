"""NIR, the Neuromorphic Intermediate Representation: import of graphs of other tools, export of networks.

Differences between NIR and the chip are declared, node by node, and their effect on the spikes is measured; see
docs/nir.md.
"""

from __future__ import annotations

from chip.nir.declarations import Declaration
from chip.nir.export import DT_S, export_declarations, export_nir, write_nir
from chip.nir.load import NirImport, import_nir, read_nir
from chip.nir.measure import Agreement, measure
from chip.nir.reference import trial_spikes

__all__ = [
    "DT_S",
    "Agreement",
    "Declaration",
    "NirImport",
    "export_declarations",
    "export_nir",
    "import_nir",
    "measure",
    "read_nir",
    "trial_spikes",
    "write_nir",
]
