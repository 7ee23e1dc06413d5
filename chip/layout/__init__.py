"""Layout: placement and routing of a network on the fabric of a chip."""
