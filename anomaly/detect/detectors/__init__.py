"""Detectors: pooled levels in, an error level per sub-band group out."""
