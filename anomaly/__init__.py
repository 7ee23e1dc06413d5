"""anomaly: anomalous sound detection for machines, on a spiking network that fits the SENNA chip."""

__version__ = "0.1.0"
