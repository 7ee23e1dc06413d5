"""Sensor checks: whether the microphone, and not the machine, has changed."""
