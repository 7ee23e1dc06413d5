"""Live capture: ``inputs`` finds devices, ``worker`` captures in a process of its own, ``microphone`` yields blocks."""
