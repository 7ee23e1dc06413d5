"""Model of a session: loaded at the start, tried again where it was missing, switched while the monitor runs."""
