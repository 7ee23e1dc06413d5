"""anomaly: hears when a machine goes wrong, on a spiking network that fits the SENNA chip."""

__version__ = "0.1.0"
