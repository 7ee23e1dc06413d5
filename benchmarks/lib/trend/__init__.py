"""Simulated degradations, real lives and the figures of trends on them."""
