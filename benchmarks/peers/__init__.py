"""Other simulators of spiking networks, each in its fastest mode; they run in an environment of their own."""
