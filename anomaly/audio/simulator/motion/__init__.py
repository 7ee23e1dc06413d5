"""Motion of a machine: states and ramps, the timeline of the main shaft, driven shafts, random fluctuation."""
