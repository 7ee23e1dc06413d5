"""Pictures of diagnoses, as PNG."""
