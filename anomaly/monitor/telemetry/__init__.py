"""What a running monitor reports of itself: statistics, metrics, log, screen, systemd."""
