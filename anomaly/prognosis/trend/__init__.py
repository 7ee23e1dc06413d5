"""Trend of a health index: noise, change points, rise, and the time to the alarm level with its past record."""
