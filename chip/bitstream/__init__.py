"""Bitstream: from a routed design to the bytes that program a chip, and back."""

from chip.bitstream.codec import decode, encode, read_design, write_design

__all__ = ["decode", "encode", "read_design", "write_design"]
