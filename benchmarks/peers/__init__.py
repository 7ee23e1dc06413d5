"""Other simulators and trainers of spiking networks, each in its fastest mode, run in their own environment."""
