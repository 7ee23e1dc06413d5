"""Facts of a machine: what turns in it, from which the frequencies of its faults follow."""
