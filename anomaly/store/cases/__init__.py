"""Cases, their history, what operators do to them, and maintenance windows."""
