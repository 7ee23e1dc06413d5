"""Manipulation (ISO 13374): sound to mel levels to signed events. One front end for training, archive and live."""
