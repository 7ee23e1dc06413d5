"""Calibration: scores of held-out normal sound, their tail, and what the CUSUM did on them."""
