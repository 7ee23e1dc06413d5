"""Sources of the monitor: microphones and streams, files and pipes."""
