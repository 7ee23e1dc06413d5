"""Processes, sounds and measurements of the monitor benchmarks."""
