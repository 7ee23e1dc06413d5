"""Scores on disk as Parquet parts: their columns, the folder that holds them, and its manifest."""
