"""Damaged files are set aside, and what can be read of them is brought over."""
