"""Simulator: exact integers, a NumPy engine and a compiled one, imperfect chips."""
