"""Live stream: rings of the monitors, and the viewers that follow them."""
