"""The SENNA toolchain: from a spiking network to a bitstream. It knows nothing of audio."""
