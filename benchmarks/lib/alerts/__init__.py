"""Processes, receivers and counts of the benchmarks of alerts."""
