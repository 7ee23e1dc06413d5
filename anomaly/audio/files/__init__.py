"""Recordings on disk and in pipes: decoded, read at 16 kHz, checked, and written."""
