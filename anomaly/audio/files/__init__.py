"""Recordings on disk: decoding, reading at 16 kHz, writing, checking."""
