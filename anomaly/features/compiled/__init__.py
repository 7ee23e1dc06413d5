"""Mel spectra and delta encoder compiled by Numba, with the bits of their counterparts in NumPy."""
