"""Sound comes in: recordings, microphones, resampling, sensor health and simulated machines.

Everywhere inside the program sound is a float32 array of one channel in [-1, 1] at
``SAMPLE_RATE_HZ``. The modules are imported one by one (``anomaly.audio.files.recordings``, ...), because the
capture process starts through this package and must not pay for numpy.
"""

SAMPLE_RATE_HZ = 16_000
