"""Experiments of the distillation benchmark."""
