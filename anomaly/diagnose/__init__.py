"""Health and prognostic assessment (ISO 13374): why an alarm, and where in the spectrum."""
