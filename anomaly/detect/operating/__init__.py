"""Operating states of a machine: running, stopped, ramping or unknown."""
