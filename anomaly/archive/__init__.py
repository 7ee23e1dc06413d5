"""Scoring of recordings on disk: ``scan``, ``scoring`` by an executor of ``executors``, tables by ``writers``."""
