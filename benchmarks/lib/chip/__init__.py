"""Other simulators and hardware limits beside the chip simulator."""
