"""Kernels compiled by Numba for many windows at a time; each has the bits of its counterpart in NumPy and SciPy."""
