"""Services of the process of a monitor: background worker, memory, and the request to stop."""
