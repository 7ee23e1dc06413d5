"""Data acquisition (ISO 13374): microphones, recordings, resampling, sensor checks and simulated machines.

Everywhere inside the program sound is a float32 array of one channel in [-1, 1] at ``SAMPLE_RATE_HZ``. Modules are
imported one by one (``anomaly.audio.files.recordings``, ...), because the capture process starts through this package
and does not import numpy.
"""

SAMPLE_RATE_HZ = 16_000
