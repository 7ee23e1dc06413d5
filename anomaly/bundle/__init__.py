"""Bundles: a trained machine in one folder, with its manifest, signature and versions."""

from anomaly.bundle.folder import (
    MANIFEST_NAME,
    SIGNATURE_NAME,
    TRUSTED_KEY_VARIABLE,
    Bundle,
    find_bundle,
    open_bundle,
    write_bundle,
)

__all__ = [
    "MANIFEST_NAME",
    "SIGNATURE_NAME",
    "TRUSTED_KEY_VARIABLE",
    "Bundle",
    "find_bundle",
    "open_bundle",
    "write_bundle",
]
