"""Phases of a machine's cycle in the student: comparators whose thresholds depend on the phase.

Files in the order of the data: `decision_tree` (phase from levels), `gates` (the tree as neurons), `phase_bounds`
(normal range of each level in each phase, and its whole weights), `phase_gated_student` (all of it in one circuit).
"""
