"""Live capture: devices, the capture process of each, and streams read by ffmpeg."""
