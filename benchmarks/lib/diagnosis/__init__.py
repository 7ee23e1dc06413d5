"""Diagnosis of changes that are known because they were injected."""
