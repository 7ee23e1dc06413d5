"""Demo of the whole chain on a simulated pump: train, compile, monitor it while it fails, alert, report."""
