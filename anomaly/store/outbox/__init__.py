"""Messages about cases and their delivery to each sink."""
