"""Any trained network as a spiking one that fits the chip: start, training inside the limits, choice, proof."""
