"""Stages of the pipeline: whole seconds, sensor case, scores, drift, machine case."""
