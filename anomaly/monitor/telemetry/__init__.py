"""Reports of a running monitor about itself: statistics, metrics, log, screen, systemd."""
