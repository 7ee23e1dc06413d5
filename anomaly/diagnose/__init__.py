"""Diagnosis (ISO 13374: health assessment): the cause of an alarm, and its place in the spectrum."""
