"""State detection (ISO 13374): error levels to scores, scores to probabilities, probabilities to a state."""
