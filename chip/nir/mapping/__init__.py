"""From real neurons to integer neurons: scales, taps in time, relays, clocks."""
