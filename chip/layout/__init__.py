"""Layout: placement and routing of a network on the chip's fabric."""
