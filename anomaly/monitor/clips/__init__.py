"""Clips: sound around a case, kept with it."""
