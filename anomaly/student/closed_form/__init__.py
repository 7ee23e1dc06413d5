"""The student in closed form: whitening filters as integer synapses, thresholds from held-out sound."""
