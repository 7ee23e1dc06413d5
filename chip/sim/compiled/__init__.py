"""Engine compiled by Numba: structures, vector instructions, the loop, and the engine that drives it."""
