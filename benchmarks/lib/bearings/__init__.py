"""Naming of bearing faults in recordings with known causes."""
