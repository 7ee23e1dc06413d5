"""Sensor checks: faults and changes of the microphone, as opposed to those of the machine."""
