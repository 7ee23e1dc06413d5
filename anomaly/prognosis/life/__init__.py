"""Remaining life of a machine from the lives of others that were recorded to their end."""
