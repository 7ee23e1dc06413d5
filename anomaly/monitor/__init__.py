"""The live monitor: sound from a microphone, a file or a pipe to scores, states, cases and alerts."""
