"""Live picture of a running monitor, in memory that other processes of the same user read."""
