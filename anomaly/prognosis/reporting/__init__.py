"""Trend for people and programs: a sentence, tables and a picture."""
