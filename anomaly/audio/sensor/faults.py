"""Sensor faults in words, by their status."""

from __future__ import annotations

SENSOR_FAULTS = {
    "silent": "the microphone delivers no sound",
    "constant": "the microphone delivers one constant value",
    "clipping": "the microphone is overdriven",
    "dc-offset": "the microphone's signal has an offset",
    "repeated": "the microphone's driver delivers the same sound again and again",
    "hum": "the microphone delivers nothing but the hum of the mains",
    "band-limit": "the high frequencies are missing in the sound of the microphone",
    "gain": "the microphone's gain is another than in training",
    "processed": "something changes the sound on its way, such as an automatic gain or noise suppression",
    "low-level": "the sound of the microphone is far quieter than all training sound",
    "unlearned-stop": "the sound is far quieter than all training sound: the machine stopped, or the microphone fails",
    "gaps": "the sound arrives in pieces",
    "lost": "the microphone is gone",
}
"""One clause per fault, for cases and tables; `anomaly.audio.sensor.health.Status`, and those of the capture."""
