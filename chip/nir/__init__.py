"""NIR, the Neuromorphic Intermediate Representation: import of graphs of other tools, export of networks.

Differences between NIR and the chip are declared, node by node, and their effect on the spikes is measured; see
docs/nir.md.
"""

from __future__ import annotations

from chip.nir.acceptance import objection
from chip.nir.agreement import LEAST_AGREEMENT, Agreement
from chip.nir.declaration import Declaration
from chip.nir.export import DT_S, export_declarations, export_nir, write_nir
from chip.nir.imported import NirImport
from chip.nir.load import import_nir, read_nir
from chip.nir.measure import measure
from chip.nir.reference import trial_spikes
from chip.nir.verdict import import_report, verdict_of

__all__ = [
    "DT_S",
    "LEAST_AGREEMENT",
    "Agreement",
    "Declaration",
    "NirImport",
    "export_declarations",
    "export_nir",
    "import_nir",
    "import_report",
    "measure",
    "objection",
    "read_nir",
    "trial_spikes",
    "verdict_of",
    "write_nir",
]
