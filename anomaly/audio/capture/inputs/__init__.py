"""Inputs of this computer: found by ``alsa``, ``usb``, ``pulse`` and ``portaudio_inputs``, named by ``resolve``."""
