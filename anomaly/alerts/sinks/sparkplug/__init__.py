"""Sparkplug B: the monitor as an edge node at an MQTT broker, each machine a device of it."""
