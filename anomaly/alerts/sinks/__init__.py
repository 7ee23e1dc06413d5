"""Where alerts go: each sink is told a message and returns when the other side has confirmed it."""
