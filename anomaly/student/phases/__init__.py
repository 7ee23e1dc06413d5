"""Phases of a machine's cycle in the student: a decision tree, gates, moving thresholds."""
