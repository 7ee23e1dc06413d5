"""Trend of a machine: health index over hours, days or snapshots, its slope, and the time to the alarm level."""
